//! What is given up while a statement of it runs ends at once, and not when the statement does.

use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures::future::{Either, select};
use indoubt::{Coordinator, CoordinatorId, Decision, Participant as _};
use indoubt_real::log::{Directory, FileLog, Options};
use indoubt_real::{PostgresBranch, TokioClock};
use tokio::time::{Instant, sleep, timeout};

use crate::scene::{Scene, run};

/// The statements below take a minute, or for ever.
const PROMPT: Duration = Duration::from_secs(8);

/// Leaves the branch at work.
async fn at_work(branch: &PostgresBranch, statement: &str) -> Result<()> {
    let running = branch.batch_execute(statement);
    match select(pin!(running), pin!(sleep(Duration::from_millis(200)))).await {
        Either::Left((ended, _)) => bail!("it was to be still running: {ended:?}"),
        Either::Right(_) => Ok(()),
    }
}

/// Waits until nobody holds the row that a branch has inserted.
async fn until_free(scene: &Scene, id: i32) -> Result<()> {
    let client = scene.client().await?;
    let insert = format!("INSERT INTO t VALUES ({id})");
    let insert = client.batch_execute(&insert);
    timeout(PROMPT, insert).await.context("its locks were kept")??;
    Ok(())
}

#[test]
fn a_rollback_and_a_drop_cancel_what_runs() -> Result<()> {
    run(async {
        let scene = Scene::new("given_up").await?;
        scene.sql("INSERT INTO t VALUES (99)").await?;
        let holder = scene.client().await?;
        holder.batch_execute("BEGIN; DELETE FROM t WHERE id = 99").await?;
        let postgres = scene.postgres();
        let statements = ["SELECT pg_sleep(60)", "DELETE FROM t WHERE id = 99"];
        for (id, statement) in (1..).zip(statements) {
            let branch = scene.inserted(&postgres, id).await?;
            at_work(&branch, statement).await?;
            let ended = timeout(PROMPT, postgres.finish(&branch, Decision::Abort)).await;
            ensure!(ended.context("the rollback waited")??.is_as_decided());
            until_free(&scene, id).await?;
            let branch = scene.inserted(&postgres, id + 10).await?;
            at_work(&branch, statement).await?;
            drop(branch);
            until_free(&scene, id + 10).await?;
        }
        Ok(())
    })
}

#[test]
fn a_transaction_that_is_rolled_back_or_dropped_frees_its_locks_at_once() -> Result<()> {
    run(async {
        let scene = Scene::new("given_up_transaction").await?;
        let postgres = scene.postgres();
        let id: CoordinatorId = "given_up".parse()?;
        let directory =
            std::env::temp_dir().join(format!("indoubt-given-up-{}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        let log = FileLog::open(Directory::new(&directory)?, id, Options::default()).await?;
        let (coordinator, driver) =
            Coordinator::builder(log, TokioClock).participant(postgres.clone()).build()?;
        let driver = tokio::spawn(driver.run());
        let begin = Instant::now();
        for (id, dropped) in [(1, false), (2, true)] {
            let transaction = coordinator.begin();
            let branch = transaction.branch(&postgres).await?;
            branch.execute("INSERT INTO t VALUES ($1)", &[&id]).await?;
            at_work(&branch, "SELECT pg_sleep(60)").await?;
            drop(branch);
            if dropped {
                drop(transaction);
            } else {
                timeout(PROMPT, transaction.rollback()).await.context("the rollback waited")?;
            }
            until_free(&scene, id).await?;
        }
        ensure!(begin.elapsed() < 2 * PROMPT);
        driver.abort();
        Ok(std::fs::remove_dir_all(&directory)?)
    })
}

/// A cancel would take a commit away from the standby that it waits for.
#[test]
fn a_commit_that_was_sent_is_not_cancelled() -> Result<()> {
    run(async {
        let scene = Scene::new("given_up_commit").await?;
        scene.slow_end(Duration::from_secs(2)).await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        let commit = postgres.commit_one_phase(&branch);
        ensure!(timeout(Duration::from_millis(500), commit).await.is_err());
        drop(branch);
        // The same key waits for the commit, and finds it.
        let client = scene.client().await?;
        let insert = "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING";
        ensure!(client.execute(insert, &[]).await? == 0, "the commit was cut short");
        Ok(())
    })
}
