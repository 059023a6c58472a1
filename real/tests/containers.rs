//! The harness itself: what the other tests take for granted about servers and the proxy.
//!
//! Run with `cargo test -p indoubt-real --features containers`. With
//! `DOCKER_HOST=tcp://127.0.0.1:1` the same tests run on local binaries.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use indoubt_real::containers::{Deed, Proxy, Server, StartError, Way};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

const SHORT: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(20);

async fn connect(config: &Config) -> Result<Client> {
    let (client, connection) = timeout(LONG, config.connect(NoTls)).await??;
    tokio::spawn(connection);
    Ok(client)
}

/// Prepares a transaction that writes one row.
async fn prepare(config: &Config, gid: &str) -> Result<()> {
    let client = connect(config).await?;
    client.batch_execute("CREATE TABLE IF NOT EXISTS t (gid text)").await?;
    client.batch_execute(&format!("BEGIN; INSERT INTO t VALUES ('{gid}')")).await?;
    Ok(client.batch_execute(&format!("PREPARE TRANSACTION '{gid}'")).await?)
}

/// Whether the transaction is prepared, and whether its row is to be seen.
async fn prepared_and_committed(server: &Server, gid: &str) -> Result<(bool, bool)> {
    let client = connect(&server.config()).await?;
    let prepared = client.query("SELECT 1 FROM pg_prepared_xacts WHERE gid = $1", &[&gid]).await?;
    let row = client.query("SELECT 1 FROM t WHERE gid = $1", &[&gid]).await?;
    Ok((!prepared.is_empty(), !row.is_empty()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_transaction_survives_a_kill() -> Result<()> {
    let server = Server::start().await?;
    let port = server.port();
    prepare(&server.config(), "g").await?;
    let bystander = connect(&server.config()).await?;

    server.kill().await?;
    ensure!(bystander.batch_execute("SELECT 1").await.is_err(), "a client outlived the server");
    ensure!(server.config().connect(NoTls).await.is_err(), "the server outlived SIGKILL");
    server.kill().await.context("killing what is dead")?;
    server.restart().await?;
    ensure!(server.port() == port);
    ensure!(prepared_and_committed(&server, "g").await? == (true, false));

    connect(&server.config()).await?.batch_execute("COMMIT PREPARED 'g'").await?;
    server.kill().await?;
    server.restart().await?;
    server.restart().await.context("restarting what runs")?;
    ensure!(prepared_and_committed(&server, "g").await? == (false, true));
    Ok(server.stop().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused() -> Result<()> {
    let server = Server::start().await?;
    for wrong in ["", "postgres", "wrong"] {
        let refused = server.config().password(wrong).connect(NoTls).await.err();
        let error = refused.context("connected with a wrong password")?;
        let code = error.code() == Some(&SqlState::INVALID_PASSWORD);
        ensure!(code || wrong.is_empty(), "{error:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_reach_the_server() -> Result<()> {
    let server = Server::builder().max_prepared_transactions(0).setting("work_mem", "5MB");
    let server = server.start().await?;
    let client = connect(&server.config()).await?;
    for (name, value) in [("work_mem", "5MB"), ("fsync", "on"), ("max_prepared_transactions", "0")]
    {
        let row = client.query_one(&format!("SHOW {name}"), &[]).await?;
        ensure!(row.get::<_, &str>(0) == value, "{name}");
    }
    let error = prepare(&server.config(), "g").await.unwrap_err();
    let code = error.downcast_ref::<tokio_postgres::Error>().and_then(|error| error.code());
    ensure!(code == Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE), "{error:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_postgres_rejects_fails_the_start_and_says_why() -> Result<()> {
    match Server::builder().setting("work_mem", "nonsense").start().await {
        Err(StartError::Exited { log }) => ensure!(log.contains("work_mem"), "{log}"),
        other => anyhow::bail!("{other:?}"),
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_server_is_silent_and_commits_late() -> Result<()> {
    let server = Server::start().await?;
    prepare(&server.config(), "g").await?;
    let client = connect(&server.config()).await?;

    server.pause().await?;
    ensure!(timeout(SHORT, client.batch_execute("COMMIT PREPARED 'g'")).await.is_err());
    ensure!(timeout(SHORT, server.config().connect(NoTls)).await.is_err());
    server.unpause().await?;
    client.batch_execute("SELECT 1").await?;
    ensure!(prepared_and_committed(&server, "g").await? == (false, true));

    // A kill and the clean-up cope with a frozen server.
    server.pause().await?;
    timeout(LONG, server.kill()).await??;
    server.restart().await?;
    server.pause().await?;
    Ok(timeout(LONG, server.stop()).await??)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_waits_for_the_port_to_be_given_back() -> Result<()> {
    let server = Server::start().await?;
    server.kill().await?;
    let borrowed = std::net::TcpListener::bind(("127.0.0.1", server.port()))?;
    let giving_back = tokio::spawn(async move {
        tokio::time::sleep(SHORT).await;
        drop(borrowed);
    });
    server.restart().await?;
    ensure!(giving_back.is_finished());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_before_leaves_the_transaction_prepared() -> Result<()> {
    let server = Server::start().await?;
    let proxy = Proxy::start(server.port()).await?;
    let through = server.config_through(&proxy);
    prepare(&through, "g").await?;

    // Simple query, then the extended protocol.
    proxy.cut_before("commit prepared");
    ensure!(!proxy.fired());
    let client = connect(&through).await?;
    let error = client.batch_execute("COMMIT PREPARED 'g'").await.unwrap_err();
    ensure!(error.code().is_none() && proxy.fired(), "{error:?}");
    proxy.cut_before("COMMIT PREPARED");
    let client = connect(&through).await?;
    ensure!(client.execute("COMMIT PREPARED 'g'", &[]).await.is_err());
    ensure!(proxy.fired());
    ensure!(prepared_and_committed(&server, "g").await? == (true, false));

    // The rule is spent.
    connect(&through).await?.batch_execute("COMMIT PREPARED 'g'").await?;
    ensure!(prepared_and_committed(&server, "g").await? == (false, true));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_after_reply_does_the_work_without_telling() -> Result<()> {
    let server = Server::start().await?;
    let proxy = Proxy::start(server.port()).await?;
    let through = server.config_through(&proxy);

    proxy.cut_after_reply("PREPARE TRANSACTION");
    ensure!(prepare(&through, "g").await.is_err());
    ensure!(proxy.fired());
    ensure!(prepared_and_committed(&server, "g").await? == (true, false));

    proxy.cut_after_reply("COMMIT PREPARED");
    let client = connect(&through).await?;
    ensure!(client.execute("COMMIT PREPARED 'g'", &[]).await.is_err());
    ensure!(proxy.fired());
    ensure!(prepared_and_committed(&server, "g").await? == (false, true));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_reply_of_the_statement_itself_is_lost() -> Result<()> {
    let server = Server::start().await?;
    let proxy = Proxy::start(server.port()).await?;
    let client = connect(&server.config_through(&proxy)).await?;
    proxy.cut_after_reply("SELECT 2");
    // All three are sent before the first is answered.
    let (first, second, third) = tokio::join!(
        client.batch_execute("SELECT pg_sleep(0.2)"),
        client.batch_execute("SELECT 2"),
        client.batch_execute("SELECT 3"),
    );
    first?;
    ensure!(second.is_err() && third.is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn swallowed_is_never_done_and_held_is_done_late() -> Result<()> {
    let server = Server::start().await?;
    let proxy = Proxy::start(server.port()).await?;
    let through = server.config_through(&proxy);
    prepare(&through, "g").await?;

    proxy.swallow("COMMIT PREPARED");
    let client = connect(&through).await?;
    ensure!(timeout(SHORT, client.batch_execute("COMMIT PREPARED 'g'")).await.is_err());
    ensure!(proxy.fired());
    proxy.heal();
    ensure!(timeout(LONG, client.batch_execute("SELECT 1")).await?.is_err());
    ensure!(prepared_and_committed(&server, "g").await? == (true, false));

    proxy.hold("COMMIT PREPARED");
    let client = connect(&through).await?;
    let committing = tokio::spawn(async move { client.batch_execute("COMMIT PREPARED 'g'").await });
    proxy.until_fired().await?;
    committing.abort();
    ensure!(prepared_and_committed(&server, "g").await? == (true, false));
    proxy.heal();
    let late = async {
        while prepared_and_committed(&server, "g").await? != (false, true) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    };
    timeout(LONG, late).await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_lasts_until_healed_and_a_kept_rule_fires_again() -> Result<()> {
    let server = Server::start().await?;
    let proxy = Proxy::start(server.port()).await?;
    let through = server.config_through(&proxy);
    let client = connect(&through).await?;
    proxy.partition();
    ensure!(timeout(LONG, client.batch_execute("SELECT 1")).await?.is_err());
    ensure!(timeout(LONG, through.connect(NoTls)).await?.is_err());
    proxy.heal();
    connect(&through).await?.batch_execute("SELECT 1").await?;

    proxy.cut_before("SELECT 1");
    proxy.keep_firing();
    for _ in 0..2 {
        ensure!(connect(&through).await?.batch_execute("SELECT 1").await.is_err());
    }
    proxy.heal();
    connect(&through).await?.batch_execute("SELECT 1").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_can_be_struck_by_its_number() -> Result<()> {
    let server = Server::start().await?;
    let proxy = Proxy::start(server.port()).await?;
    let through = server.config_through(&proxy);
    proxy.count();
    prepare(&through, "g").await?;
    let counted = proxy.counted();
    let commit = "COMMIT PREPARED 'g'";
    ensure!(counted[0].about == "login" && counted[0].way == Way::Request, "{counted:?}");
    ensure!(counted[1].about == "login" && counted[1].way == Way::Reply, "{counted:?}");

    // After its login a connection asks for one thing here.
    proxy.strike(Way::Request, 1, Deed::CutBefore);
    ensure!(connect(&through).await?.batch_execute(commit).await.is_err());
    ensure!(proxy.struck().is_some_and(|struck| struck.about == commit));
    ensure!(prepared_and_committed(&server, "g").await? == (true, false));

    proxy.strike(Way::Request, 1, Deed::Delay(SHORT));
    let client = connect(&through).await?;
    let impatient = timeout(SHORT / 4, client.batch_execute("SELECT 1")).await;
    ensure!(impatient.is_err());
    client.batch_execute("SELECT 1").await?;

    proxy.strike(Way::Request, 1, Deed::HalfClose);
    // It is answered, and is the last that the server hears.
    let client = connect(&through).await?;
    timeout(LONG, client.batch_execute("SELECT 1")).await??;
    ensure!(timeout(LONG, client.batch_execute("SELECT 1")).await?.is_err());

    proxy.strike(Way::Reply, 1, Deed::Keep);
    let client = connect(&through).await?;
    let committing = tokio::spawn(async move { client.batch_execute(commit).await });
    let struck = proxy.until_struck().await.context("it is struck")?;
    ensure!(struck.way == Way::Reply && struck.about == commit, "{struck:?}");
    ensure!(prepared_and_committed(&server, "g").await? == (false, true));
    ensure!(!committing.is_finished());
    proxy.heal();
    ensure!(timeout(LONG, committing).await??.is_err());

    proxy.strike(Way::Reply, 0, Deed::CutAfter);
    let client = connect(&through).await?;
    ensure!(client.batch_execute("SELECT 1").await.is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_server_ends_it() -> Result<()> {
    let server = Server::start().await?;
    let config = server.config();
    // Also on a thread that is in no runtime.
    tokio::task::spawn_blocking(|| std::thread::spawn(|| drop(server)).join()).await?.unwrap();
    ensure!(config.connect(NoTls).await.is_err());
    Ok(())
}
