//! Commits in one phase whose answer is lost: the inquiry tells, and never too early.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use indoubt::{OnePhase, Participant as _};
use indoubt_real::containers::Server;
use indoubt_real::{Postgres, PostgresBranch};
use tokio::time::{Instant, sleep, timeout};

use crate::scene::{Scene, run};

const SHORT: Duration = Duration::from_millis(500);
const XID: &str = "SELECT pg_current_xact_id()::text";
const SLOW: Duration = Duration::from_secs(3);

#[test]
fn a_cut_around_the_commit_is_lost_and_the_inquiry_tells() -> Result<()> {
    run(async {
        let scene = Scene::new("one_phase_cut").await?;
        let proxy = scene.proxy();
        let postgres = scene.participant();
        for (id, end) in [(1, OnePhase::RolledBack), (2, OnePhase::Committed)] {
            let branch = scene.inserted(&postgres, id).await?;
            if end == OnePhase::Committed {
                proxy.cut_after_reply("COMMIT");
            } else {
                proxy.cut_before("COMMIT");
            }
            ensure!(postgres.commit_one_phase(&branch).await.is_err());
            ensure!(proxy.fired());
            ensure!(postgres.inquire(&branch).await? == end);
            ensure!(postgres.inquire(&branch).await? == end);
            ensure!(scene.has(id).await? == (end == OnePhase::Committed));
        }
        Ok(())
    })
}

#[test]
fn a_commit_that_is_at_work_is_unknown_and_left_alone() -> Result<()> {
    run(async {
        let scene = Scene::new("one_phase_slow").await?;
        scene.slow_end(SLOW).await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        let start = Instant::now();
        ensure!(timeout(SHORT, postgres.commit_one_phase(&branch)).await.is_err());
        ensure!(postgres.inquire(&branch).await? == OnePhase::Unknown);
        ensure!(start.elapsed() < SLOW, "the inquiry waited");
        let known = async {
            loop {
                match postgres.inquire(&branch).await {
                    Ok(OnePhase::Unknown) => sleep(Duration::from_millis(100)).await,
                    end => return end,
                }
            }
        };
        ensure!(timeout(SLOW * 3, known).await?? == OnePhase::Committed);
        ensure!(scene.has(1).await?);
        Ok(())
    })
}

#[test]
fn a_commit_that_is_still_on_its_way_is_fenced_before_it_is_called_rolled_back() -> Result<()> {
    run(async {
        let scene = Scene::new("one_phase_held").await?;
        let proxy = scene.proxy();
        let postgres = scene.participant();
        let branch = scene.inserted(&postgres, 1).await?;
        proxy.hold("COMMIT");
        ensure!(timeout(SHORT, postgres.commit_one_phase(&branch)).await.is_err());
        ensure!(proxy.fired());
        ensure!(postgres.inquire(&branch).await? == OnePhase::RolledBack);
        proxy.heal();
        sleep(SHORT).await;
        ensure!(!scene.has(1).await?, "the commit arrived after it was called rolled back");
        Ok(())
    })
}

/// A branch whose commit was lost on its way, with its xid; its server has crashed since, and what
/// nobody had waited for stayed in memory.
async fn forgotten(database: &str) -> Result<(Scene, Postgres, PostgresBranch, String)> {
    let server = Server::builder().setting("wal_writer_delay", "10s").start().await?;
    let scene = Scene::on(Arc::new(server), database).await?;
    let proxy = scene.proxy();
    let postgres = scene.participant();
    let branch = scene.inserted(&postgres, 1).await?;
    let xid: String = branch.query_one(XID, &[]).await?.get(0);
    proxy.cut_before("COMMIT");
    ensure!(postgres.commit_one_phase(&branch).await.is_err());
    scene.server().kill().await?;
    scene.server().restart().await?;
    proxy.heal();
    Ok((scene, postgres, branch, xid))
}

/// What the inquiry says as soon as it can say something.
async fn told(postgres: &Postgres, branch: &PostgresBranch) -> Result<OnePhase> {
    let told = async {
        loop {
            match postgres.inquire(branch).await {
                Err(_) => sleep(Duration::from_millis(100)).await,
                end => return end,
            }
        }
    };
    Ok(timeout(SLOW, told).await??)
}

#[test]
fn an_xid_that_a_crash_has_forgotten_was_rolled_back() -> Result<()> {
    run(async {
        let (scene, postgres, branch, _) = forgotten("one_phase_forgotten").await?;
        let end = told(&postgres, &branch).await?;
        ensure!(end == OnePhase::RolledBack, "{end:?}");
        ensure!(!scene.has(1).await?);
        Ok(())
    })
}

/// A crash forgets an xid of which nothing was flushed, and the next transaction is given it.
#[test]
fn what_a_stranger_did_with_the_xid_after_a_crash_is_not_taken_for_the_branch() -> Result<()> {
    run(async {
        let (scene, postgres, branch, xid) = forgotten("one_phase_reused").await?;
        let stranger = scene.client().await?;
        let mut last = String::new();
        for id in 100..110 {
            let row = format!("INSERT INTO t VALUES ({id}) RETURNING pg_current_xact_id()::text");
            last = stranger.query_one(&row, &[]).await?.get(0);
            if last == xid {
                break;
            }
        }
        ensure!(last == xid, "the xid {xid} was not given again, up to {last}");
        let end = told(&postgres, &branch).await?;
        ensure!(end == OnePhase::Untold, "{end:?}");
        ensure!(!scene.has(1).await?);
        Ok(())
    })
}
