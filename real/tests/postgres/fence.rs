//! Ending a backend whose client has given up on it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::join;
use indoubt::{Decision, Participant as _};
use tokio::time::timeout;

use crate::scene::{Scene, run};

/// A backend that is leaving by itself is not one that does not end.
#[test]
fn a_hundred_branches_whose_prepare_was_given_up_on_end_at_the_first_rollback() -> Result<()> {
    run(async {
        let scene = Scene::new("fence_hundred").await?;
        let proxy = scene.proxy();
        let postgres = scene.participant();
        for round in 0..100 {
            let branch = scene.inserted(&postgres, round).await?;
            proxy.cut_before("PREPARE TRANSACTION");
            let vote = timeout(Duration::from_secs(5), postgres.prepare(&branch)).await;
            ensure!(!matches!(vote, Ok(Ok(_))), "{vote:?}");
            let ended = postgres.finish(&branch, Decision::Abort).await;
            let ending = ended.with_context(|| format!("round {round}"))?;
            ensure!(ending.is_as_decided(), "{ending:?}");
            ensure!(!scene.is_prepared(branch.gid()).await?);
        }
        Ok(())
    })
}

/// As behind a pooler, which gives a backend to the next client when a transaction is over.
#[test]
fn a_backend_that_is_in_another_transaction_by_now_is_spared() -> Result<()> {
    run(async {
        let scene = Scene::new("fence_moved_on").await?;
        scene.slow_end(Duration::from_secs(1)).await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        let given_up = timeout(Duration::from_millis(300), postgres.prepare(&branch)).await;
        ensure!(given_up.is_err());
        // Runs when the prepare that was given up on is done, on the same backend.
        branch.batch_execute("BEGIN; INSERT INTO t VALUES (2)").await?;
        ensure!(scene.is_prepared(branch.gid()).await?);
        let stranger = branch.batch_execute("SELECT pg_sleep(60)");
        let (stranger, ending) = join(stranger, postgres.finish(&branch, Decision::Abort)).await;
        ensure!(ending?.is_as_decided());
        ensure!(!scene.is_prepared(branch.gid()).await? && !scene.has(1).await?);
        // It was cut off by its own session's end, and not by the server (57P01).
        let error = stranger.err().context("it was to be at work")?;
        ensure!(error.code().is_none(), "{error:?}");
        Ok(())
    })
}
