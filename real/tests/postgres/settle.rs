//! Ending by gid: idempotent, on evidence, and of one's own only.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use indoubt::{CoordinatorId, Decision, Ending, Participant as _, Receipt};
use indoubt_real::Postgres;
use indoubt_real::containers::Server;

use crate::scene::{Scene, run};

#[test]
fn a_fresh_handle_commits_and_rolls_back_as_often_as_it_is_told() -> Result<()> {
    run(async {
        let scene = Scene::new("fresh_handle").await?;
        for (id, decision) in [(1, Decision::Commit), (2, Decision::Abort)] {
            let (branch, receipt) = scene.prepared(&scene.postgres(), id).await?;
            let gid = branch.gid().clone();
            drop(branch);
            let fresh = scene.postgres();
            ensure!(fresh.in_doubt(&scene.owner).await? == std::slice::from_ref(&gid));
            for _ in 0..3 {
                ensure!(fresh.resolve(&gid, decision, &receipt).await?.is_as_decided());
                ensure!(
                    scene.postgres().resolve(&gid, decision, &receipt).await? == Ending::Earlier
                );
            }
            ensure!(fresh.in_doubt(&scene.owner).await?.is_empty());
            ensure!(scene.has(id).await? == (decision == Decision::Commit));
        }
        Ok(())
    })
}

#[test]
fn an_operators_hand_is_noticed() -> Result<()> {
    run(async {
        let scene = Scene::new("operator").await?;
        let postgres = scene.postgres();
        for (id, by_hand, decision) in
            [(1, "ROLLBACK", Decision::Commit), (2, "COMMIT", Decision::Abort)]
        {
            let (branch, receipt) = scene.prepared(&postgres, id).await?;
            scene.sql(&format!("{by_hand} PREPARED '{}'", branch.gid())).await?;
            ensure!(postgres.resolve(branch.gid(), decision, &receipt).await? == Ending::Heuristic);
            ensure!(postgres.finish(&branch, decision).await? == Ending::Heuristic);
        }
        Ok(())
    })
}

#[test]
fn without_evidence_a_missing_branch_is_never_called_committed() -> Result<()> {
    run(async {
        let scene = Scene::new("no_evidence").await?;
        let postgres = scene.postgres();
        let (branch, receipt) = scene.prepared(&postgres, 1).await?;
        ensure!(postgres.finish(&branch, Decision::Commit).await?.is_as_decided());
        let text = String::from_utf8(receipt.as_bytes().to_vec())?;
        let parts: Vec<_> = text.split('/').collect();
        let [xid, system, timeline] = parts[..] else { anyhow::bail!("{text}") };
        let worthless = [
            String::new(),
            "nonsense".to_owned(),
            // Another cluster, another timeline, and an xid that is still to come.
            format!("{xid}/{}/{timeline}", system.parse::<u64>()? + 1),
            format!("{xid}/{system}/000000FF"),
            format!("{}/{system}/{timeline}", xid.parse::<u64>()? + 1_000_000),
        ];
        for text in worthless {
            let receipt = Receipt::new(text.clone()).expect("short");
            let commit = postgres.resolve(branch.gid(), Decision::Commit, &receipt).await?;
            ensure!(commit == Ending::Untold, "{text:?}: {commit:?}");
            let abort = postgres.resolve(branch.gid(), Decision::Abort, &receipt).await?;
            ensure!(abort.is_as_decided(), "{text:?}: {abort:?}");
        }
        Ok(())
    })
}

#[test]
fn only_ones_own_branches_are_listed() -> Result<()> {
    run(async {
        let scene = Scene::new("one_own").await?;
        let elsewhere = Scene::new("one_own_elsewhere").await?;
        let prepare = |gid: &str, id: u32| {
            format!("BEGIN; INSERT INTO t VALUES ({id}); PREPARE TRANSACTION '{gid}'")
        };
        let ours = "indoubt:one_own:0000002a9f3ac2d1:7:1:0";
        let strangers = [
            // An underscore is a wildcard to LIKE.
            "indoubt:oneXown:0000002a9f3ac2d1:7:1:0",
            "indoubt:one_own2:0000002a9f3ac2d1:7:1:0",
            "INDOUBT:one_own:0000002a9f3ac2d1:7:1:0",
            "indoubt:one_own:0000002a9f3ac2d1:7:01:0",
            "indoubt:one_own:0000002a9f3ac2d1:7:1",
            "one_own",
            "",
        ];
        for (id, gid) in (1..).zip(strangers.iter().chain([&ours])) {
            scene.sql(&prepare(gid, id)).await?;
        }
        elsewhere.sql(&prepare("indoubt:one_own:0000002a9f3ac2d1:7:2:0", 1)).await?;
        let listed = scene.postgres().in_doubt(&scene.owner).await?;
        ensure!(listed == [ours.parse()?], "{listed:?}");
        let nobody: CoordinatorId = "nobody".parse()?;
        ensure!(scene.postgres().in_doubt(&nobody).await?.is_empty());
        for gid in strangers {
            scene.sql(&format!("ROLLBACK PREPARED '{gid}'")).await?;
        }
        Ok(())
    })
}

#[test]
fn the_wrong_database_and_the_wrong_user_settle_nothing() -> Result<()> {
    run(async {
        let scene = Scene::new("wrong_place").await?;
        let elsewhere = Scene::new("wrong_place_elsewhere").await?;
        scene.sql("CREATE ROLE stranger LOGIN PASSWORD 'x'").await?;
        let (branch, receipt) = scene.prepared(&scene.postgres(), 1).await?;
        let mut config = scene.config();
        config.user("stranger").password("x");
        for (wrong, code, advice) in [
            (elsewhere.postgres(), "0A000", "connect to that one"),
            (Postgres::new("db", config), "42501", "connect as that one"),
        ] {
            for decision in [Decision::Commit, Decision::Abort] {
                let lost = wrong.resolve(branch.gid(), decision, &receipt).await.unwrap_err();
                ensure!(lost.reason().contains(code) && lost.reason().contains(advice), "{lost}");
            }
        }
        ensure!(scene.is_prepared(branch.gid()).await?);
        Ok(())
    })
}

#[test]
fn the_control_session_recovers_from_its_own_death() -> Result<()> {
    run(async {
        let scene = Scene::new("control_death").await?;
        let mut config = scene.config();
        config.application_name("control_death");
        let postgres = Postgres::new("db", config);
        ensure!(postgres.in_doubt(&scene.owner).await?.is_empty());
        for _ in 0..3 {
            let killed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'control_death'";
            ensure!(
                scene.client().await?.query(killed, &[]).await?.len() == 1,
                "one session is kept"
            );
            ensure!(postgres.in_doubt(&scene.owner).await?.is_empty());
        }
        Ok(())
    })
}

#[test]
fn prepared_branches_survive_the_servers_death() -> Result<()> {
    run(async {
        let scene = Scene::on(Arc::new(Server::start().await?), "server_death").await?;
        let postgres = scene.postgres();
        let (branch, _) = scene.prepared(&postgres, 1).await?;
        let (settled, receipt) = scene.prepared(&postgres, 2).await?;
        ensure!(postgres.finish(&settled, Decision::Commit).await?.is_as_decided());
        scene.server().kill().await?;
        ensure!(postgres.finish(&branch, Decision::Commit).await.is_err());
        ensure!(postgres.resolve(settled.gid(), Decision::Commit, &receipt).await.is_err());
        ensure!(postgres.in_doubt(&scene.owner).await.is_err(), "an empty list would be a lie");
        scene.server().restart().await?;
        ensure!(postgres.in_doubt(&scene.owner).await? == [branch.gid().clone()]);
        ensure!(postgres.finish(&branch, Decision::Commit).await?.is_as_decided());
        ensure!(postgres.resolve(settled.gid(), Decision::Commit, &receipt).await?.is_as_decided());
        ensure!(scene.has(1).await? && scene.has(2).await?);
        Ok(())
    })
}

#[test]
fn another_session_at_work_on_the_branch_leaves_it_open() -> Result<()> {
    run(async {
        let scene = Scene::on(Arc::new(Server::start().await?), "busy").await?;
        let postgres = scene.postgres();
        let (branch, receipt) = scene.prepared(&postgres, 1).await?;
        // With a standby that does not exist, COMMIT PREPARED waits for ever.
        scene.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await?;
        scene.sql("SELECT pg_reload_conf()").await?;
        let at_work = scene.client().await?;
        let commit = format!("COMMIT PREPARED '{}'", branch.gid());
        let waits =
            tokio::time::timeout(Duration::from_secs(2), at_work.batch_execute(&commit)).await;
        ensure!(waits.is_err(), "it should wait: {waits:?}");
        for decision in [Decision::Commit, Decision::Abort] {
            let lost = postgres.resolve(branch.gid(), decision, &receipt).await.unwrap_err();
            ensure!(lost.reason().contains("55000") && lost.reason().contains("at work"), "{lost}");
        }
        scene.sql("ALTER SYSTEM RESET synchronous_standby_names").await?;
        scene.sql("SELECT pg_reload_conf()").await?;
        let settled = async {
            while !postgres
                .resolve(branch.gid(), Decision::Commit, &receipt)
                .await
                .is_ok_and(Ending::is_as_decided)
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), settled).await?;
        ensure!(scene.has(1).await?);
        Ok(())
    })
}
