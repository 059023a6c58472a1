//! The real adapter of this project, on this server.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use indoubt::protocol::BranchId;
use indoubt::{BranchGid, CoordinatorId, Decision, Gid, Lineage, Participant as _, Receipt, Vote};
use indoubt_real::{Postgres, PostgresBranch};
use tokio::time::timeout;

use crate::scene::{MemoryDialer, Scene, run};

type Adapter = Postgres<MemoryDialer>;

fn gid(sequence: u64) -> BranchGid {
    let coordinator: CoordinatorId = "shop".parse().expect("letters");
    let lineage = Lineage { log: 1, opening: 1 };
    let branch = BranchId::new(0).expect("there is a branch 0");
    Gid { coordinator, lineage, epoch: 1, sequence }.branch(branch)
}

fn adapter(scene: &Scene) -> Adapter {
    Postgres::with_dialer("db", Scene::config(), scene.dialer())
}

async fn inserted(adapter: &Adapter, id: i32) -> Result<PostgresBranch> {
    let branch = adapter.begin(&gid(u64::try_from(id)?)).await?;
    branch.execute("INSERT INTO t VALUES ($1)", &[&id]).await?;
    Ok(branch)
}

async fn prepared(adapter: &Adapter, id: i32) -> Result<(PostgresBranch, Receipt)> {
    let branch = inserted(adapter, id).await?;
    match adapter.prepare(&branch).await? {
        Vote::Yes(receipt) => Ok((branch, receipt)),
        vote => bail!("voted {vote:?}"),
    }
}

#[test]
fn it_passes_the_check_and_runs_a_branch_to_either_end() -> Result<()> {
    run(async {
        let scene = Scene::new().await?;
        let adapter = adapter(&scene);
        adapter.check().await?;
        for (id, decision) in [(1, Decision::Commit), (2, Decision::Abort)] {
            let (branch, _) = prepared(&adapter, id).await?;
            ensure!(scene.gids().await? == [branch.gid().to_string()]);
            ensure!(adapter.finish(&branch, decision).await?.is_as_decided());
            ensure!(scene.gids().await?.is_empty());
        }
        ensure!(scene.one("SELECT count(*) FROM t").await? == "1");
        Ok(())
    })
}

#[test]
fn a_zombie_prepare_is_fenced_and_an_orphan_is_resolved() -> Result<()> {
    run(async {
        let mut scene = Scene::new().await?;
        let postgres = adapter(&scene);
        let branch = inserted(&postgres, 1).await?;
        scene.disk.slow(Duration::from_secs(1));
        let given_up = timeout(Duration::from_millis(100), postgres.prepare(&branch)).await;
        ensure!(given_up.is_err());
        // The backend cannot be ended while it writes; what it prepared is rolled back.
        ensure!(postgres.finish(&branch, Decision::Abort).await?.is_as_decided());
        ensure!(scene.gids().await?.is_empty());
        scene.disk.slow(Duration::ZERO);
        let (branch, receipt) = prepared(&postgres, 2).await?;
        let gid = branch.gid().clone();
        drop((branch, postgres));
        scene.restart().await?;
        let postgres = adapter(&scene);
        ensure!(postgres.in_doubt(&"shop".parse()?).await?.contains(&gid));
        ensure!(postgres.resolve(&gid, Decision::Commit, &receipt).await?.is_as_decided());
        ensure!(scene.one("SELECT count(*) FROM t").await? == "1");
        // Asked again, the record of its xid tells how it ended.
        ensure!(postgres.resolve(&gid, Decision::Commit, &receipt).await?.is_as_decided());
        ensure!(!postgres.resolve(&gid, Decision::Abort, &receipt).await?.is_as_decided());
        Ok(())
    })
}
