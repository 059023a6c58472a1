//! Lost answers in both phases: what was lost is never guessed, and what was given up on
//! cannot come back.

use std::time::Duration;

use anyhow::{Result, ensure};
use indoubt::{Decision, Participant as _};
use tokio::time::{Instant, sleep, timeout};

use crate::scene::{Scene, run};

const SHORT: Duration = Duration::from_millis(500);
const SLOW: Duration = Duration::from_secs(2);

#[test]
fn a_branch_whose_backend_is_killed_is_lost_and_can_be_aborted() -> Result<()> {
    run(async {
        let scene = Scene::new("killed").await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        scene.kill_backend_of(&branch).await?;
        let lost = postgres.prepare(&branch).await.unwrap_err();
        ensure!(lost.reason().contains("57P01"), "{lost}");
        ensure!(postgres.finish(&branch, Decision::Abort).await?.is_as_decided());
        ensure!(!scene.has(1).await? && !scene.is_prepared(branch.gid()).await?);
        Ok(())
    })
}

#[test]
fn a_cut_around_prepare_is_lost_and_the_abort_finds_it_either_way() -> Result<()> {
    run(async {
        let scene = Scene::new("cut_prepare").await?;
        let proxy = scene.proxy();
        let postgres = scene.participant();
        for prepared in [false, true] {
            let branch = scene.inserted(&postgres, 1).await?;
            if prepared {
                proxy.cut_after_reply("PREPARE TRANSACTION");
            } else {
                proxy.cut_before("PREPARE TRANSACTION");
            }
            ensure!(postgres.prepare(&branch).await.is_err());
            ensure!(scene.is_prepared(branch.gid()).await? == prepared);
            ensure!(postgres.finish(&branch, Decision::Abort).await?.is_as_decided());
            ensure!(!scene.is_prepared(branch.gid()).await? && !scene.has(1).await?);
        }
        Ok(())
    })
}

#[test]
fn a_prepare_that_was_given_up_on_is_fenced() -> Result<()> {
    run(async {
        let scene = Scene::new("zombie").await?;
        scene.slow_end(SLOW).await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        let start = Instant::now();
        ensure!(timeout(SHORT, postgres.prepare(&branch)).await.is_err());
        ensure!(postgres.finish(&branch, Decision::Abort).await?.is_as_decided());
        ensure!(start.elapsed() < SLOW, "the fence waited for the zombie");
        sleep(SLOW + SHORT).await;
        ensure!(!scene.is_prepared(branch.gid()).await?, "the zombie came back");
        Ok(())
    })
}

#[test]
fn a_prepare_that_is_still_on_its_way_is_fenced() -> Result<()> {
    run(async {
        let scene = Scene::new("on_its_way").await?;
        let proxy = scene.proxy();
        let postgres = scene.participant();
        let branch = scene.inserted(&postgres, 1).await?;
        proxy.hold("PREPARE TRANSACTION");
        ensure!(timeout(SHORT, postgres.prepare(&branch)).await.is_err());
        ensure!(proxy.fired());
        ensure!(postgres.finish(&branch, Decision::Abort).await?.is_as_decided());
        proxy.heal();
        sleep(SHORT).await;
        ensure!(!scene.is_prepared(branch.gid()).await?, "the prepare arrived after the abort");
        Ok(())
    })
}

#[test]
fn a_zombie_that_nobody_could_fence_is_found_by_a_later_sweep() -> Result<()> {
    run(async {
        let scene = Scene::new("zombie_swept").await?;
        scene.slow_end(SLOW).await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        let gid = branch.gid().clone();
        ensure!(timeout(SHORT, postgres.prepare(&branch)).await.is_err());
        // The coordinator crashes here; its successor knows the gid at most.
        drop((branch, postgres));
        let successor = scene.postgres();
        ensure!(
            successor
                .resolve(&gid, Decision::Abort, &indoubt::Receipt::none())
                .await?
                .is_as_decided()
        );
        sleep(SLOW + SHORT).await;
        ensure!(successor.in_doubt(&scene.owner).await? == std::slice::from_ref(&gid));
        ensure!(
            successor
                .resolve(&gid, Decision::Abort, &indoubt::Receipt::none())
                .await?
                .is_as_decided()
        );
        ensure!(!scene.has(1).await? && !scene.is_prepared(&gid).await?);
        Ok(())
    })
}

#[test]
fn the_fence_spares_other_backends() -> Result<()> {
    run(async {
        let scene = Scene::new("fence_spares").await?;
        let proxy = scene.proxy();
        let postgres = scene.participant();
        let bystander = scene.inserted(&postgres, 2).await?;
        let branch = scene.inserted(&postgres, 1).await?;
        proxy.cut_after_reply("PREPARE TRANSACTION");
        ensure!(postgres.prepare(&branch).await.is_err());
        ensure!(postgres.finish(&branch, Decision::Abort).await?.is_as_decided());
        ensure!(postgres.commit_one_phase(&bystander).await? == indoubt::OnePhaseVote::Committed);
        Ok(())
    })
}

#[test]
fn a_cut_around_the_second_phase_ends_as_decided() -> Result<()> {
    run(async {
        let scene = Scene::new("cut_finish").await?;
        let proxy = scene.proxy();
        let postgres = scene.participant();
        for (id, decision, statement) in [
            (1, Decision::Commit, "COMMIT PREPARED"),
            (2, Decision::Commit, "COMMIT PREPARED"),
            (3, Decision::Abort, "ROLLBACK PREPARED"),
            (4, Decision::Abort, "ROLLBACK PREPARED"),
        ] {
            let (branch, _) = scene.prepared(&postgres, id).await?;
            if id % 2 == 0 {
                proxy.cut_after_reply(statement);
            } else {
                proxy.cut_before(statement);
            }
            ensure!(postgres.finish(&branch, decision).await?.is_as_decided());
            ensure!(proxy.fired());
            ensure!(scene.has(id).await? == (decision == Decision::Commit));
        }
        Ok(())
    })
}

#[test]
fn a_commit_that_arrives_late_changes_nothing() -> Result<()> {
    run(async {
        let scene = Scene::new("late_commit").await?;
        let proxy = scene.proxy();
        let postgres = scene.participant();
        let (branch, receipt) = scene.prepared(&postgres, 1).await?;
        proxy.hold("COMMIT PREPARED");
        ensure!(timeout(SHORT, postgres.finish(&branch, Decision::Commit)).await.is_err());
        ensure!(scene.is_prepared(branch.gid()).await?);
        let recovery = scene.postgres();
        ensure!(recovery.resolve(branch.gid(), Decision::Commit, &receipt).await?.is_as_decided());
        proxy.heal();
        sleep(SHORT).await;
        ensure!(recovery.resolve(branch.gid(), Decision::Commit, &receipt).await?.is_as_decided());
        ensure!(postgres.finish(&branch, Decision::Commit).await?.is_as_decided());
        ensure!(scene.has(1).await?);
        Ok(())
    })
}

#[test]
fn a_dropped_call_does_not_spoil_the_handle() -> Result<()> {
    run(async {
        let scene = Scene::new("dropped_call").await?;
        let proxy = scene.proxy();
        let postgres = scene.participant();
        let (branch, receipt) = scene.prepared(&postgres, 1).await?;
        drop(branch);
        let gid = postgres.in_doubt(&scene.owner).await?.pop().expect("one is prepared");
        proxy.swallow("COMMIT PREPARED");
        ensure!(timeout(SHORT, postgres.resolve(&gid, Decision::Commit, &receipt)).await.is_err());
        ensure!(
            timeout(SHORT, postgres.in_doubt(&scene.owner)).await?? == std::slice::from_ref(&gid)
        );
        ensure!(postgres.resolve(&gid, Decision::Commit, &receipt).await?.is_as_decided());
        Ok(())
    })
}
