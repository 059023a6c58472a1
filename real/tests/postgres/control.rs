//! The sessions of recovery: a few at a time, and who waits on one does not hold up the others.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::join_all;
use indoubt::{Coordinator, CoordinatorId, Decision, Outcome, Participant as _};
use indoubt_real::TokioClock;
use indoubt_real::containers::Server;
use indoubt_real::log::{Directory, FileLog, Options};
use tokio::time::timeout;

use crate::scene::{Scene, run};

const PROMPT: Duration = Duration::from_secs(5);

/// Nobody is that standby, so what has to wait for it never ends.
#[test]
fn a_server_that_lists_and_never_finishes_holds_up_only_what_it_never_finishes() -> Result<()> {
    run(async {
        let server = Arc::new(Server::start().await?);
        let scene = Scene::on(server, "never_finishes").await?;
        let postgres = scene.postgres();
        let mut prepared = Vec::new();
        for id in 0..5 {
            prepared.push(scene.prepared(&postgres, id).await?);
        }
        let admin = scene.client().await?;
        admin.batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await?;
        admin.batch_execute("SELECT pg_reload_conf()").await?;
        until_commits_wait(&scene, &admin).await?;
        let hang = |at: usize| {
            let (gid, receipt) = (prepared[at].0.gid().clone(), prepared[at].1.clone());
            let postgres = postgres.clone();
            tokio::spawn(async move { postgres.resolve(&gid, Decision::Commit, &receipt).await })
        };
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' \
                       AND datname = current_database()";
        let until = async |expected: i64| {
            let all_wait = async {
                while admin.query_one(waiting, &[]).await?.get::<_, i64>(0) != expected {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Ok::<_, anyhow::Error>(())
            };
            timeout(PROMPT, all_wait).await.with_context(|| format!("not {expected} wait"))?
        };
        let mut hanging: Vec<_> = (0..3).map(hang).collect();
        until(3).await?;
        // What another has ended needs no standby.
        let stranger = scene.gid();
        let none = indoubt::Receipt::none();
        let other = postgres.resolve(&stranger, Decision::Abort, &none);
        ensure!(timeout(PROMPT, other).await.context("a fourth waits")??.is_as_decided());
        hanging.push(hang(3));
        until(4).await?;
        // Four wait by now; the list does not wait with them, the fifth end does.
        let listed = timeout(PROMPT, postgres.in_doubt(&scene.owner)).await;
        ensure!(listed.context("the list waits")??.len() == 5);
        let fifth = hang(4);
        tokio::time::sleep(Duration::from_millis(500)).await;
        until(4).await?;
        hanging.pop().expect("four hang").abort();
        until(5).await.context("the fifth had no turn when a place was free")?;
        fifth.abort();
        hanging.iter().for_each(tokio::task::JoinHandle::abort);
        Ok(())
    })
}

/// Others learn of a standby to wait for from the checkpointer, some time after the reload.
async fn until_commits_wait(scene: &Scene, admin: &tokio_postgres::Client) -> Result<()> {
    let canary = Arc::new(scene.client().await?);
    let pid: i32 = canary.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND pid = $1";
    let sings = async {
        for id in 1.. {
            let canary = canary.clone();
            let insert = format!("INSERT INTO t VALUES (-{id})");
            let commit = tokio::spawn(async move { canary.batch_execute(&insert).await });
            while !commit.is_finished() {
                if admin.query_one(waits, &[&pid]).await?.get::<_, i64>(0) == 1 {
                    admin.execute("SELECT pg_cancel_backend($1)", &[&pid]).await?;
                    commit.await??;
                    return Ok::<_, anyhow::Error>(());
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            commit.await??;
        }
        Ok(())
    };
    timeout(PROMPT * 2, sings).await.context("no commit waits for the standby")?
}

const ORPHANS: usize = 10_000;

#[test]
fn thousands_of_orphans_end_in_one_sweep_beside_live_traffic() -> Result<()> {
    run(async {
        let server = Server::builder()
            .max_prepared_transactions(u32::try_from(ORPHANS)? + 100)
            .setting("fsync", "off");
        let scene = Scene::on(Arc::new(server.start().await?), "thousands").await?;
        let postgres = scene.postgres();
        let path = std::env::temp_dir().join(format!("indoubt-thousands-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        let id: CoordinatorId = "thousands".parse()?;
        let log = FileLog::open(Directory::new(&path)?, id.clone(), Options::default()).await?;
        let (coordinator, _) = Coordinator::builder(log, TokioClock).build()?;
        let mut gid = coordinator.begin().gid().clone();
        drop(coordinator);
        let branch = indoubt::protocol::BranchId::new(0).context("a branch 0")?;
        let client = scene.client().await?;
        for orphan in 0..ORPHANS {
            gid.sequence += 1;
            let gid = gid.branch(branch);
            client.batch_execute(&format!("BEGIN; INSERT INTO t VALUES ({orphan})")).await?;
            client.batch_execute(&format!("PREPARE TRANSACTION '{gid}'")).await?;
        }
        ensure!(postgres.in_doubt(&id).await?.len() == ORPHANS);

        let log = FileLog::open(Directory::new(&path)?, id, Options::default()).await?;
        // Two participants, so that a commit has two phases.
        let second = indoubt_real::Postgres::new("second", scene.config());
        let (coordinator, driver) = Coordinator::builder(log, TokioClock)
            .participant(postgres.clone())
            .participant(second.clone())
            .build()?;
        let work = async |worker: i32| {
            for round in 0..20 {
                let transaction = coordinator.begin();
                for (at, postgres) in [(0, &postgres), (1, &second)] {
                    let id = 1_000_000 + worker * 1000 + round * 2 + at;
                    let branch = transaction.branch(postgres).await?;
                    branch.execute("INSERT INTO t VALUES ($1)", &[&id]).await?;
                }
                let outcome = transaction.commit().await;
                ensure!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
            }
            Ok(())
        };
        // The driver sweeps too, at the same branches.
        let sweep = coordinator.recover();
        let running = tokio::spawn(driver.run());
        let (report, worked) = futures::join!(sweep, join_all((0..4).map(work)));
        worked.into_iter().collect::<Result<Vec<()>>>()?;
        ensure!(report.unreached.is_empty(), "{:?}", report.unreached.first());
        let left = async {
            while !postgres.in_doubt(&"thousands".parse()?).await?.is_empty() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok::<_, anyhow::Error>(())
        };
        timeout(Duration::from_secs(30), left).await.context("some were left")??;
        running.abort();
        Ok(std::fs::remove_dir_all(&path)?)
    })
}
