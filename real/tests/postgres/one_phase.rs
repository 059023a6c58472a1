//! Commits in one phase whose answer comes: it is the truth, whatever `COMMIT` itself says.

use std::sync::Arc;

use anyhow::{Result, ensure};
use futures::future::join;
use indoubt::{Decision, OnePhase, OnePhaseVote, Participant as _};
use indoubt_real::containers::Server;
use indoubt_real::{Postgres, PostgresBranch};

use crate::scene::{Scene, run};

/// The reason of a commit that rolled back, as everything about the branch confirms.
async fn rolled_back(postgres: &Postgres, branch: &PostgresBranch) -> Result<String> {
    let vote = postgres.commit_one_phase(branch).await?;
    let OnePhaseVote::RolledBack(reason) = vote else { anyhow::bail!("{vote:?}") };
    ensure!(postgres.inquire(branch).await? == OnePhase::RolledBack);
    ensure!(postgres.finish(branch, Decision::Abort).await?.is_as_decided());
    Ok(reason.reason().to_owned())
}

#[test]
fn a_single_branch_commits_in_one_phase() -> Result<()> {
    run(async {
        let scene = Scene::new("one_phase").await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        ensure!(postgres.commit_one_phase(&branch).await? == OnePhaseVote::Committed);
        ensure!(postgres.inquire(&branch).await? == OnePhase::Committed);
        ensure!(scene.has(1).await?);
        // Under a role that may not even see its own backend.
        scene.sql("CREATE ROLE one_phase_clerk; GRANT ALL ON t TO one_phase_clerk").await?;
        let clerk = postgres.begin(&scene.gid()).await?;
        clerk.batch_execute("SET LOCAL ROLE one_phase_clerk; INSERT INTO t VALUES (2)").await?;
        ensure!(postgres.commit_one_phase(&clerk).await? == OnePhaseVote::Committed);
        ensure!(scene.has(2).await?);
        let reader = postgres.begin(&scene.gid()).await?;
        reader.query("SELECT * FROM t", &[]).await?;
        ensure!(postgres.commit_one_phase(&reader).await? == OnePhaseVote::Committed);
        Ok(())
    })
}

#[test]
fn a_commit_that_silently_rolls_back_is_told() -> Result<()> {
    run(async {
        let scene = Scene::new("one_phase_silent").await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        ensure!(branch.batch_execute("SELECT 1/0").await.is_err());
        let reason = rolled_back(&postgres, &branch).await?;
        ensure!(reason.contains("a statement of the branch has failed"), "{reason}");
        let branch = scene.inserted(&postgres, 1).await?;
        branch.batch_execute("ROLLBACK").await?;
        let reason = rolled_back(&postgres, &branch).await?;
        ensure!(reason.contains("ended by hand"), "{reason}");
        // A statement that fails after the last look at the branch.
        let branch = scene.inserted(&postgres, 1).await?;
        let fails = branch.batch_execute("SELECT 1/0");
        let (vote, _) = join(postgres.commit_one_phase(&branch), fails).await;
        ensure!(
            matches!(&vote, Ok(OnePhaseVote::RolledBack(reason)) if reason.reason().contains("without committing")),
            "{vote:?}"
        );
        ensure!(!scene.has(1).await?);
        Ok(())
    })
}

#[test]
fn a_commit_that_is_refused_says_why() -> Result<()> {
    run(async {
        let scene = Scene::new("one_phase_refused").await?;
        scene.deferred_constraint().await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        let reason = rolled_back(&postgres, &branch).await?;
        ensure!(reason.contains("23503"), "{reason}");
        Ok(())
    })
}

#[test]
fn a_session_lost_before_the_commit_is_a_definite_no() -> Result<()> {
    run(async {
        let scene = Scene::new("one_phase_killed").await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        scene.kill_backend_of(&branch).await?;
        let reason = rolled_back(&postgres, &branch).await?;
        ensure!(reason.contains("lost before the commit") && reason.contains("57P01"), "{reason}");
        ensure!(!scene.has(1).await?);
        Ok(())
    })
}

#[test]
fn committed_is_durable_even_where_commits_are_asynchronous() -> Result<()> {
    run(async {
        // So long that nothing but the commit itself can have flushed.
        let server = Server::builder().setting("wal_writer_delay", "10s").start().await?;
        let scene = Scene::on(Arc::new(server), "asynchronous").await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        branch.batch_execute("SET synchronous_commit = off").await?;
        ensure!(postgres.commit_one_phase(&branch).await? == OnePhaseVote::Committed);
        let plain = scene.client().await?;
        plain.batch_execute("SET synchronous_commit = off; INSERT INTO t VALUES (2)").await?;
        scene.server().kill().await?;
        scene.server().restart().await?;
        ensure!(scene.has(1).await?, "an acknowledged commit was lost");
        Ok(())
    })
}
