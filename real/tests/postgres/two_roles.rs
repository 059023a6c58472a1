//! One database under two roles: both list a branch, and only its owner may end it (42501).

use anyhow::{Context as _, Result, ensure};
use indoubt::{Coordinator, CoordinatorId, Participant as _, Vote};
use indoubt_real::log::{Directory, FileLog, Options};
use indoubt_real::{Postgres, TokioClock};

use crate::scene::{Scene, run};

#[test]
fn an_orphan_of_a_database_under_two_roles_ends_in_either_order() -> Result<()> {
    run(async {
        let scene = Scene::new("two_roles").await?;
        let mut roles = Vec::new();
        for name in ["two_roles_clerk", "two_roles_teller"] {
            scene.sql(&format!("CREATE ROLE {name} LOGIN PASSWORD 'x'")).await?;
            scene.sql(&format!("GRANT ALL ON t TO {name}")).await?;
            let mut config = scene.config();
            config.user(name).password("x");
            roles.push(Postgres::new(name, config));
        }
        let path = std::env::temp_dir().join(format!("indoubt-two-roles-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        let id: CoordinatorId = "two_roles".parse()?;
        for round in 0..2 {
            let log = FileLog::open(Directory::new(&path)?, id.clone(), Options::default()).await?;
            let (coordinator, _) = Coordinator::builder(log, TokioClock).build()?;
            let transaction = coordinator.begin();
            let branch = indoubt::protocol::BranchId::new(0).context("a branch 0")?;
            let gid = transaction.gid().branch(branch);
            // A crash after the vote, as the transaction's coordinator is gone.
            let orphan = roles[0].begin(&gid).await?;
            orphan.execute("INSERT INTO t VALUES ($1)", &[&round]).await?;
            ensure!(matches!(roles[0].prepare(&orphan).await?, Vote::Yes(_)));
            drop((transaction, coordinator, orphan));

            let log = FileLog::open(Directory::new(&path)?, id.clone(), Options::default()).await?;
            let mut builder = Coordinator::builder(log, TokioClock);
            for at in if round == 0 { [0, 1] } else { [1, 0] } {
                builder = builder.participant(roles[at].clone());
                ensure!(roles[at].in_doubt(&id).await?.contains(&gid), "both must list it");
            }
            let (coordinator, _driver) = builder.build()?;
            let report = coordinator.recover().await;
            ensure!(report.aborted == [gid.clone()], "{report:?}");
            ensure!(report.unreached.is_empty(), "{report:?}");
            ensure!(!scene.is_prepared(&gid).await? && !scene.has(round).await?);
        }
        Ok(std::fs::remove_dir_all(&path)?)
    })
}
