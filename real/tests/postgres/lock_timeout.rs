//! The wait for a lock is bounded, so a deadlock across databases ends.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use indoubt::{Decision, Participant as _, Vote};
use indoubt_real::{Postgres, PostgresBranch};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;

use crate::scene::{Scene, run};

async fn in_force(scene: &Scene, postgres: &Postgres) -> Result<String> {
    let branch = postgres.begin(&scene.gid()).await?;
    Ok(branch.query_one("SHOW lock_timeout", &[]).await?.get(0))
}

#[test]
fn a_branch_waits_for_a_lock_as_long_as_was_said() -> Result<()> {
    run(async {
        let scene = Scene::new("lock_timeout").await?;
        ensure!(in_force(&scene, &scene.postgres()).await? == "10s");
        let set = scene.postgres().lock_timeout(Some(Duration::from_millis(1500)));
        ensure!(in_force(&scene, &set.clone()).await? == "1500ms");
        ensure!(in_force(&scene, &scene.postgres().lock_timeout(None)).await? == "0");
        // What somebody has set for a session is kept, be it longer.
        let mut config = scene.config();
        config.options("-c lock_timeout=25s");
        ensure!(in_force(&scene, &Postgres::new("db", config)).await? == "25s");
        // A branch may choose, and the transaction is its own from the first statement on.
        let branch = scene.postgres().begin(&scene.gid()).await?;
        branch.batch_execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").await?;
        branch.batch_execute("SET LOCAL lock_timeout = '1min'").await?;
        let chosen: String = branch.query_one("SHOW lock_timeout", &[]).await?.get(0);
        ensure!(chosen == "1min");
        Ok(())
    })
}

async fn update(branch: &PostgresBranch) -> Result<(), tokio_postgres::Error> {
    branch.batch_execute("UPDATE t SET id = id WHERE id = 1").await
}

#[test]
fn crossed_updates_over_two_databases_end_and_say_what_it_may_have_been() -> Result<()> {
    run(async {
        let here = Scene::new("crossed_here").await?;
        let there = Scene::new("crossed_there").await?;
        // One gives in long before the other would.
        let brief = Some(Duration::from_millis(700));
        let long = Some(Duration::from_secs(8));
        for scene in [&here, &there] {
            scene.sql("INSERT INTO t VALUES (1)").await?;
        }
        let first = here.postgres().begin(&here.gid()).await?;
        let second = there.postgres().lock_timeout(long).begin(&there.gid()).await?;
        update(&first).await?;
        update(&second).await?;
        let first_there = there.postgres().lock_timeout(brief).begin(&there.gid()).await?;
        let second_here = here.postgres().lock_timeout(long).begin(&here.gid()).await?;
        let one = async {
            let refused = update(&first_there).await.err().context("it got the lock")?;
            ensure!(refused.code() == Some(&SqlState::LOCK_NOT_AVAILABLE), "{refused}");
            let Vote::No(no) = there.postgres().prepare(&first_there).await? else {
                anyhow::bail!("not a no");
            };
            ensure!(no.sqlstate() == Some("55P03") && no.is_retryable(), "{no:?}");
            ensure!(no.reason().contains("a deadlock between transactions"), "{no}");
            ensure!(here.postgres().finish(&first, Decision::Abort).await?.is_as_decided());
            Ok(())
        };
        let other = async { Ok::<_, anyhow::Error>(update(&second_here).await?) };
        let both = futures::future::try_join(one, other);
        timeout(Duration::from_secs(7), both).await.context("nobody gave in")??;
        for (scene, branch) in [(&there, &second), (&here, &second_here)] {
            let postgres = scene.postgres();
            postgres.check().await?;
            ensure!(matches!(postgres.prepare(branch).await?, Vote::Yes(_)));
            ensure!(postgres.finish(branch, Decision::Commit).await?.is_as_decided());
        }
        Ok(())
    })
}
