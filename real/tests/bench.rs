//! The bench itself: what the tests of a service take for granted about crashes and holds.
//!
//! Run with `cargo test -p indoubt-real --features containers --test bench`. Both databases are on
//! one server here; `tests/orders_and_inventory.rs` of the workspace has one for each.

use std::sync::Arc;

use anyhow::{Result, ensure};
use indoubt::{Outcome, Transaction};
use indoubt_real::bench::{Bench, BenchError, Database, Moment, Running};
use indoubt_real::containers::Server;
use indoubt_real::log::OpenError;
use indoubt_real::postgres::Postgres;

/// Two databases with a table each, on one server.
async fn bench() -> Result<Bench<2>> {
    let server = Arc::new(Server::start().await?);
    let one = Database::create(Arc::clone(&server), "one").await?;
    // A name that has to be quoted wherever it goes.
    let other = Database::create(server, r#"it's "the" other"#).await?;
    let bench = Bench::over([one, other])?;
    for database in bench.databases() {
        database.sql("CREATE TABLE t (id int)").await?;
    }
    Ok(bench)
}

/// A transaction that has written at both.
async fn written(running: &Running<2>) -> Result<Transaction> {
    let transaction = running.coordinator().begin();
    for participant in running.participants() {
        let branch = transaction.branch(participant).await?;
        branch.execute("INSERT INTO t VALUES (1)", &[]).await?;
    }
    Ok(transaction)
}

async fn rows(bench: &Bench<2>) -> Result<[i64; 2]> {
    let [one, other] = bench.databases();
    let count = "SELECT count(*) FROM t";
    Ok([one.number(count).await?, other.number(count).await?])
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hold_takes_one_commit_and_one_that_was_let_go_of_takes_none() -> Result<()> {
    let bench = bench().await?;
    let running = bench.open().await?;
    drop(running.hold(Moment::Voted));
    running.hold(Moment::Voted).release();
    let mut first = running.hold(Moment::Voted);
    let mut second = running.hold(Moment::Voted);
    let mut decided = running.hold(Moment::Decided);

    let one = tokio::spawn(written(&running).await?.commit());
    first.reached().await?;
    ensure!(bench.prepared().await? == [1, 1] && rows(&bench).await? == [0, 0]);
    first.release();
    decided.reached().await?;
    ensure!(bench.prepared().await? == [1, 1] && rows(&bench).await? == [0, 0]);
    drop(decided);
    ensure!(one.await?.is_committed() && rows(&bench).await? == [1, 1]);

    let other = tokio::spawn(written(&running).await?.commit());
    second.reached().await?;
    second.fail("made up");
    let outcome = other.await?;
    ensure!(outcome.is_aborted(), "{outcome:?}");
    ensure!(bench.prepared().await? == [0, 0] && rows(&bench).await? == [1, 1]);
    Ok(running.stop().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_cuts_the_sessions_and_leaves_what_is_prepared_to_the_next_opening() -> Result<()> {
    let bench = bench().await?;
    let running = bench.open().await?;
    let mut held = running.hold(Moment::Decided);
    let mut never = running.hold(Moment::Decided);
    let commit = tokio::spawn(written(&running).await?.commit());
    held.reached().await?;
    let open = written(&running).await?;
    running.crash().await;
    ensure!(matches!(commit.await?, Outcome::InDoubt(_)));
    ensure!(never.reached().await.is_err(), "nothing comes to a coordinator that is gone");

    // A transaction that was open is a handle of the dead, and its sessions are closed.
    let refused = bench.open().await.err();
    ensure!(matches!(refused, Some(BenchError::Log(OpenError::AlreadyOpen))), "{refused:?}");
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'";
    ensure!(bench.databases()[0].number(sessions).await? == 0);
    drop(open);

    let running = bench.open().await?;
    running.settle().await?;
    ensure!(bench.prepared().await? == [0, 0] && rows(&bench).await? == [1, 1]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_string_leads_through_the_proxy() -> Result<()> {
    let bench = bench().await?;
    for database in bench.databases() {
        let by_text = Postgres::from_connection_string("db", &database.connection_string())?;
        by_text.check().await?;
        database.proxy().partition();
        ensure!(by_text.check().await.is_err() && database.participant().check().await.is_err());
        database.proxy().heal();
        by_text.check().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_fails_names_the_database_and_the_reason() -> Result<()> {
    let bench = bench().await?;
    let error = bench.databases()[0].sql("SELECT nonsense").await.unwrap_err();
    let text = format!("{:?}", anyhow::Error::from(error));
    ensure!(text.contains("the database one ") && text.contains("nonsense"), "{text}");
    Ok(())
}
