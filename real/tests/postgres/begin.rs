//! Beginning: every refusal says what to do, and what is begun is an ordinary transaction.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use indoubt::{Participant as _, Vote};
use indoubt_real::Postgres;
use indoubt_real::containers::Server;
use indoubt_real::postgres::is_retryable;
use tokio_postgres::Config;

use crate::fake::{Fake, Manner, STANDBY};
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
            ensure!(!refusal.is_retryable(), "{refusal}");
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

/// Whether another attempt may help is asked of what is there only for the moment, and of nothing
/// that somebody has to put right.
#[test]
fn an_outage_is_retryable_and_a_configuration_is_not() -> Result<()> {
    run(async {
        let scene = Scene::new("retryable").await?;
        let closed = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let (closing, silent, full, starting, standby) = (
            Fake::start(Manner::Closing).await?,
            Fake::start(Manner::Silent).await?,
            Fake::start(Manner::Refusing("53300", "sorry, too many clients already", "")).await?,
            Fake::start(Manner::Refusing("57P03", "the database system is starting up", ""))
                .await?,
            Fake::start(STANDBY).await?,
        );
        let at =
            |port: u16| format!("host=127.0.0.1 port={port} user=x password=x connect_timeout=1");
        let real = scene.connection_string();
        for (what, text, retryable) in [
            ("refused", at(closed), true),
            ("closing", at(closing.port), true),
            ("silent", at(silent.port), true),
            ("full", at(full.port), true),
            ("starting", at(starting.port), true),
            ("a standby", at(standby.port), false),
            ("wrong password", format!("{real} password=wrong"), false),
            ("no password", at(scene.server().port()).replace("password=x", ""), false),
            ("no database", format!("{real} dbname=absent"), false),
            // Whoever is refused for who he is will be again, whatever another host did.
            (
                "wrong password behind a dead host",
                format!(
                    "host=127.0.0.1,127.0.0.1 port={closed},{} user=x password=x",
                    scene.server().port()
                ),
                false,
            ),
        ] {
            let postgres = Postgres::from_connection_string("db", &text)?;
            let error = postgres.begin(&scene.gid()).await.unwrap_err();
            ensure!(error.is_retryable() == retryable, "{what}: {error}");
        }
        let mut socket = Config::new();
        socket.host("").user("x");
        let error = Postgres::new("db", socket).check().await.unwrap_err();
        ensure!(!error.is_retryable(), "{error}");
        Ok(())
    })
}

#[test]
fn of_a_users_own_statement_what_was_lost_or_lost_against_others_is_retryable() -> Result<()> {
    run(async {
        let scene = Scene::new("own_statement").await?;
        let postgres = scene.postgres().lock_timeout(Some(Duration::from_millis(50)));
        let holder = scene.inserted(&postgres, 1).await?;
        let branch = postgres.begin(&scene.gid()).await?;
        let waited = branch.execute("INSERT INTO t VALUES (1)", &[]).await.unwrap_err();
        ensure!(is_retryable(&waited), "{waited:?}");
        let after = branch.execute("INSERT INTO t VALUES (2)", &[]).await.unwrap_err();
        ensure!(!is_retryable(&after), "it is in a failed transaction: {after:?}");

        let branch = scene.inserted(&postgres, 2).await?;
        let taken = branch.execute("INSERT INTO t VALUES (2)", &[]).await.unwrap_err();
        ensure!(!is_retryable(&taken), "{taken:?}");
        scene.kill_backend_of(&holder).await?;
        let lost = holder.execute("INSERT INTO t VALUES (3)", &[]).await.unwrap_err();
        ensure!(is_retryable(&lost), "{lost:?}");
        let unread = Box::pin(holder.query("SELECT 'a\0b'", &[])).await.unwrap_err();
        ensure!(!is_retryable(&unread), "nothing was sent: {unread:?}");
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
