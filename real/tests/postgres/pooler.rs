//! A pooler before the server: one that pools by session will do, and one that pools by
//! transaction is refused before anything is begun.

use anyhow::{Context as _, Result, ensure};
use futures::future::join_all;
use indoubt::{Decision, Participant as _};
use indoubt_real::Postgres;

use crate::pool::{Mode, Pooler, Reuse};
use crate::scene::{Scene, run};

async fn pooler(scene: &Scene, mode: Mode, idle: usize) -> Result<Pooler> {
    Pooler::start(scene.config(), scene.server().port(), mode, idle).await
}

/// The same refusal from the check and from the first branch.
async fn refusal(scene: &Scene, pooler: &Pooler) -> Result<String> {
    let postgres = Postgres::new("db", pooler.config());
    let check = postgres.check().await.err().context("the check passed")?.to_string();
    let begin = postgres.begin(&scene.gid()).await.err().context("it began")?;
    ensure!(!begin.is_retryable(), "{begin}");
    ensure!(check == begin.to_string(), "{check}\n{begin}");
    Ok(check)
}

#[test]
fn a_pooler_that_pools_by_transaction_is_refused() -> Result<()> {
    run(async {
        let scene = Scene::new("by_transaction").await?;
        for reuse in [Reuse::LastUsed, Reuse::LongestIdle] {
            for idle in [1, 2, 3] {
                let pooler = pooler(&scene, Mode::Transaction(reuse), idle).await?;
                let refusal = refusal(&scene, &pooler).await?;
                ensure!(refusal.contains("pools by transaction"), "{reuse:?}, {idle}: {refusal}");
                ensure!(refusal.contains("in session mode"), "{reuse:?}, {idle}: {refusal}");
            }
        }
        Ok(())
    })
}

#[test]
fn a_pooler_that_pools_by_session_is_as_good_as_the_server() -> Result<()> {
    run(async {
        let scene = Scene::new("by_session").await?;
        let pooler = pooler(&scene, Mode::Session, 1).await?;
        let (one, other) =
            (Postgres::new("one", pooler.config()), Postgres::new("other", pooler.config()));
        one.check().await?;
        // The other one is first asked by its branch.
        let (at_one, _) = scene.prepared(&one, 1).await?;
        let (at_other, _) = scene.prepared(&other, 2).await?;
        ensure!(one.finish(&at_one, Decision::Commit).await?.is_as_decided());
        ensure!(other.finish(&at_other, Decision::Commit).await?.is_as_decided());
        ensure!(scene.has(1).await? && scene.has(2).await?);
        Ok(())
    })
}

#[test]
fn first_branches_that_begin_at_once_take_turns_at_looking() -> Result<()> {
    run(async {
        let scene = Scene::new("at_once").await?;
        // A backend for each branch, and two.
        scene.sql("CREATE ROLE at_once LOGIN PASSWORD 'x' CONNECTION LIMIT 10").await?;
        let mut server = scene.config();
        server.user("at_once").password("x");
        let pooler = Pooler::start(server, scene.server().port(), Mode::Session, 1).await?;
        let postgres = Postgres::new("db", pooler.config());
        let gids: Vec<_> = (0..8).map(|_| scene.gid()).collect();
        let begun = join_all(gids.iter().map(|gid| postgres.begin(gid))).await;
        for branch in begun {
            branch?.batch_execute("SELECT 1").await?;
        }
        Ok(())
    })
}

#[test]
fn a_pooler_that_pools_by_statement_is_refused() -> Result<()> {
    run(async {
        let scene = Scene::new("by_statement").await?;
        let pooler = pooler(&scene, Mode::Statement, 1).await?;
        let refusal = refusal(&scene, &pooler).await?;
        ensure!(refusal.contains("could not keep a transaction open"), "{refusal}");
        ensure!(refusal.contains("in session mode"), "{refusal}");
        Ok(())
    })
}

#[test]
fn without_a_pooler_no_second_session_is_opened_to_look_for_one() -> Result<()> {
    run(async {
        let scene = Scene::new("direct").await?;
        let mut handles = Vec::new();
        for role in ["checks_alone", "begins_alone"] {
            scene.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 1")).await?;
            let mut config = scene.config();
            config.user(role).password("x");
            handles.push(Postgres::new("db", config));
        }
        handles[0].check().await?;
        let _branch = handles[1].begin(&scene.gid()).await?;
        Ok(())
    })
}
