//! Ending a backend whose client has given up on it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use indoubt::{Decision, Participant as _};
use tokio::time::timeout;

use crate::scene::{Scene, run};

/// A backend that is leaving by itself is not one that does not end.
#[test]
fn a_hundred_branches_whose_prepare_was_given_up_on_end_at_the_first_rollback() -> Result<()> {
    run(async {
        let scene = Scene::new("fence_hundred").await?;
        let proxy = scene.proxy().await?;
        let postgres = scene.through(&proxy);
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
