//! Beginning: every refusal says what to do, and what is begun is an ordinary transaction.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use indoubt::{Participant as _, Vote};
use indoubt_real::Postgres;
use indoubt_real::containers::Server;
use tokio_postgres::Config;

use crate::scene::{Scene, connect, run};

#[test]
fn a_server_that_cannot_prepare_is_refused_at_once() -> Result<()> {
    run(async {
        let server = Server::builder().max_prepared_transactions(0).start().await?;
        let scene = Scene::on(Arc::new(server), "cannot_prepare").await?;
        let postgres = scene.postgres();
        let refusals =
            [postgres.check().await.unwrap_err(), postgres.begin(&scene.gid()).await.unwrap_err()];
        for refusal in refusals {
            ensure!(refusal.to_string().contains("set max_prepared_transactions"), "{refusal}");
            ensure!(refusal.to_string().contains("restart"), "{refusal}");
        }
        Ok(())
    })
}

async fn refusal(scene: &Scene, config: &Config) -> String {
    let postgres = Postgres::new("db", config.clone());
    let check = postgres.check().await.unwrap_err().to_string();
    let begin = postgres.begin(&scene.gid()).await.unwrap_err().to_string();
    assert_eq!(check, begin);
    begin
}

#[test]
fn a_session_that_cannot_be_opened_says_what_to_do() -> Result<()> {
    run(async {
        let scene = Scene::new("cannot_open").await?;
        let password = refusal(&scene, scene.config().password("wrong")).await;
        ensure!(password.contains("28P01") && password.contains("check the user"), "{password}");
        let database = refusal(&scene, scene.config().dbname("absent")).await;
        ensure!(
            database.contains("3D000") && database.contains("create the database"),
            "{database}"
        );
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let text = format!("host=127.0.0.1 port={port} user=nobody");
        let unreachable =
            Postgres::from_connection_string("db", &text)?.check().await.unwrap_err().to_string();
        ensure!(unreachable.contains(&format!("127.0.0.1:{port}")), "{unreachable}");
        ensure!(unreachable.contains("see that the server runs"), "{unreachable}");
        Ok(())
    })
}

#[test]
fn a_malformed_connection_string_is_named() {
    let error =
        Postgres::from_connection_string("orders", "host=db1 colour=blue").unwrap_err().to_string();
    assert!(
        error.contains("orders") && error.contains("colour") && error.contains("expected"),
        "{error}"
    );
}

#[test]
fn a_branch_is_an_ordinary_transaction() -> Result<()> {
    run(async {
        let scene = Scene::new("ordinary").await?;
        let postgres = scene.postgres();
        let branch = postgres.begin(&scene.gid()).await?;
        branch.batch_execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").await?;
        branch.execute("INSERT INTO t VALUES ($1)", &[&1]).await?;
        branch.batch_execute("SAVEPOINT s").await?;
        ensure!(branch.execute("INSERT INTO t VALUES ($1)", &[&1]).await.is_err());
        branch.batch_execute("ROLLBACK TO s").await?;
        let gid: String =
            branch.query_one("SELECT current_setting('indoubt.branch')", &[]).await?.get(0);
        ensure!(gid == branch.gid().to_string());
        ensure!(matches!(postgres.prepare(&branch).await?, Vote::Yes(_)));
        Ok(())
    })
}

#[test]
fn a_dropped_branch_rolls_back() -> Result<()> {
    run(async {
        let scene = Scene::new("dropped").await?;
        let branch = scene.inserted(&scene.postgres(), 1).await?;
        drop(branch);
        // The same key waits for the branch's end, and would fail had it committed.
        let client = connect(&scene.config()).await?;
        let insert = client.batch_execute("INSERT INTO t VALUES (1)");
        tokio::time::timeout(Duration::from_secs(10), insert).await??;
        Ok(())
    })
}
