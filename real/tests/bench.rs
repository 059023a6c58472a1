//! The bench itself: what the tests of a service take for granted about crashes and holds.
//!
//! Run with `cargo test -p indoubt-real --features containers --test bench`. Both databases are on
//! one server here; `tests/orders_and_inventory.rs` of the workspace has one for each.

use std::sync::Arc;

use anyhow::{Result, ensure};
use indoubt::{Outcome, Transaction};
use indoubt_real::bench::{Bench, BenchError, Database, Moment, NumberError, Running};
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
async fn a_statement_that_fails_is_named_with_the_database_and_the_reason_once() -> Result<()> {
    let bench = bench().await?;
    let error = bench.databases()[0].sql("SELECT  nonsense").await.unwrap_err();
    ensure!(error.driver_error().code().is_some_and(|code| code.code() == "42703"), "{error}");
    let text = format!("{:#}", anyhow::Error::from(error));
    let expected = "the database one did not do what the bench asked of it, `SELECT nonsense`: \
                    column \"nonsense\" does not exist (SQLSTATE 42703)";
    ensure!(text == expected, "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_any_integer_and_what_is_none_is_told() -> Result<()> {
    let bench = bench().await?;
    let [one, _] = bench.databases();
    for kind in ["smallint", "int", "bigint", "numeric", "text", "oid"] {
        ensure!(one.number(&format!("SELECT 7::{kind}")).await? == 7, "{kind}");
    }
    ensure!(one.number("SELECT sum(n) FROM (VALUES (-3::bigint), (1)) AS v(n)").await? == -2);
    for (query, came) in [
        ("SELECT NULL::int", "a NULL"),
        ("SELECT id FROM t", "no row"),
        ("VALUES (1), (2)", "2 rows"),
        ("SELECT", "a row without a column"),
        ("SELECT 'lamp'", "\"lamp\""),
        ("SELECT 1.5", "\"1.5\""),
    ] {
        let error = one.number(query).await.unwrap_err();
        let told = format!("in the database one, {came} came of `{query}`");
        ensure!(error.to_string().starts_with(&told), "{error}");
        ensure!(matches!(error, NumberError::Otherwise { .. }), "{error:?}");
    }
    let failed = one.number("SELECT 1/0").await.unwrap_err();
    ensure!(matches!(failed, NumberError::Sql(_)), "{failed:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_databases_of_one_name_are_refused_before_anything_is_started() -> Result<()> {
    let error = Bench::start(["one", "other", "one"]).await.err();
    let named =
        |error: &BenchError| matches!(error, BenchError::SameName { name } if name == "one");
    ensure!(error.as_ref().is_some_and(named), "{error:?}");
    let one = Database::create(Arc::new(Server::start().await?), "one").await?;
    let error = Bench::over([one.clone(), one]).err();
    ensure!(error.as_ref().is_some_and(named), "{error:?}");
    Ok(())
}

/// The bench is gone, and what runs on it commits all the same, and ends cleanly.
#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_runs_keeps_its_log_and_its_servers() -> Result<()> {
    let bench = bench().await?;
    let running = bench.open().await?;
    let (directory, [one, other]) = (bench.directory().to_owned(), bench.databases().clone());
    drop(bench);
    ensure!(std::fs::read_dir(&directory)?.count() > 0, "its log was removed beneath it");
    ensure!(written(&running).await?.commit().await.is_committed());
    running.stop().await?;
    ensure!(!directory.exists(), "nobody has it any more");
    let count = "SELECT count(*) FROM t";
    ensure!(one.number(count).await? == 1 && other.number(count).await? == 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_due_as_soon_as_one_of_two_branches_has_written() -> Result<()> {
    let bench = bench().await?;
    let running = bench.open().await?;
    let [one, other] = running.participants();
    let mut held = running.hold(Moment::Decided);
    let transaction = running.coordinator().begin();
    transaction.branch(one).await?.execute("INSERT INTO t VALUES (1)", &[]).await?;
    transaction.branch(other).await?.query("SELECT * FROM t", &[]).await?;
    let commit = tokio::spawn(transaction.commit());
    held.reached().await?;
    ensure!(bench.prepared().await? == [1, 0]);
    held.release();
    ensure!(commit.await?.is_committed() && rows(&bench).await? == [1, 0]);
    Ok(())
}

/// What the proxy's documentation says that a branch sends. A rule that a branch does not meet is
/// told after a minute.
#[tokio::test(flavor = "multi_thread")]
async fn every_statement_of_a_branch_that_is_documented_is_met_by_a_rule() -> Result<()> {
    let bench = bench().await?;
    for statement in [
        "BEGIN ISOLATION LEVEL READ COMMITTED;",
        "BEGIN; SET LOCAL indoubt.branch",
        "SELECT pg_catalog.current_setting('indoubt.branch'",
        "PREPARE TRANSACTION",
        "SELECT control.system_identifier",
        "COMMIT PREPARED",
        "COMMIT",
    ] {
        let running = bench.open().await?;
        running.settle().await?;
        let proxy = bench.databases()[0].proxy();
        proxy.cut_before(statement);
        if let Ok(transaction) = written(&running).await {
            let _cut_somewhere = transaction.commit().await;
        }
        ensure!(proxy.fired(), "{statement} is not sent");
        running.crash().await;
    }
    let running = bench.open().await?;
    running.settle().await?;
    let [one, other] = running.participants();
    let proxy = bench.databases()[0].proxy();

    // One that only read, beside one that wrote; one that is alone; one that rolls back.
    proxy.cut_before("COMMIT");
    let transaction = running.coordinator().begin();
    transaction.branch(one).await?.query("SELECT * FROM t", &[]).await?;
    transaction.branch(other).await?.execute("INSERT INTO t VALUES (2)", &[]).await?;
    let _cut = transaction.commit().await;
    ensure!(proxy.fired());
    proxy.cut_before("SET LOCAL synchronous_commit = local; COMMIT");
    let transaction = running.coordinator().begin();
    let alone = transaction.branch(one).await?;
    alone.batch_execute("SET LOCAL synchronous_commit = off; INSERT INTO t VALUES (3)").await?;
    let _cut = transaction.commit().await;
    ensure!(proxy.fired());
    proxy.cut_before("ROLLBACK");
    let transaction = running.coordinator().begin();
    transaction.branch(one).await?;
    transaction.rollback().await;
    ensure!(proxy.fired());

    // Prepared, and the vote of the other one does not come.
    proxy.cut_before("ROLLBACK PREPARED");
    bench.databases()[1].proxy().cut_before("PREPARE TRANSACTION");
    let outcome = written(&running).await?.commit().await;
    ensure!(outcome.is_aborted() && proxy.fired(), "{outcome:?}");
    running.settle().await?;
    Ok(())
}
