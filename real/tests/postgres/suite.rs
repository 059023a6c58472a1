//! What every participant owes, asked of the adapter at a real server.

use std::time::Duration;

use anyhow::{Result, ensure};
use indoubt::CoordinatorId;
use indoubt::suite::{Failed, Subject, check};
use indoubt_real::containers::Server;
use indoubt_real::{Postgres, PostgresBranch};

use crate::scene::Scene;

struct AtServer(Scene);

impl Subject for AtServer {
    type Participant = Postgres;

    fn participant(&self) -> Postgres {
        self.0.postgres()
    }

    fn owner(&self) -> CoordinatorId {
        self.0.owner.clone()
    }

    async fn write(&self, branch: &PostgresBranch, key: u32) -> Result<(), Failed> {
        branch.execute("SET LOCAL lock_timeout = '100ms'", &[]).await?;
        branch.execute("INSERT INTO t VALUES ($1)", &[&i32::try_from(key)?]).await?;
        Ok(())
    }

    /// Every child needs a parent, and has none.
    async fn spoil(&self, branch: &PostgresBranch, key: u32) -> Result<(), Failed> {
        branch.execute("INSERT INTO child VALUES ($1)", &[&i32::try_from(key)?]).await?;
        Ok(())
    }

    async fn has(&self, key: u32) -> Result<bool, Failed> {
        Ok(self.0.has(i32::try_from(key)?).await?)
    }

    async fn restart(&self) -> Result<bool, Failed> {
        self.0.server().kill().await?;
        self.0.server().restart().await?;
        Ok(true)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[tokio::test]
async fn it_keeps_what_a_participant_owes() -> Result<()> {
    // Its own server, for it is killed.
    let scene = Scene::on(Server::start().await?.into(), "suite").await?;
    scene
        .sql(
            "CREATE TABLE parent (id int PRIMARY KEY); \
             CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
        )
        .await?;
    let report = check(&AtServer(scene)).await?;
    ensure!(report.left_out.is_empty(), "{report}");
    Ok(())
}
