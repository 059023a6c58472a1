//! What no script can tell: values that are compared across a crash, a server that does not start,
//! and what the simulated server leaves out.

use anyhow::{Context as _, Result, ensure};
use tokio::runtime::Builder;

use crate::arm::Arm;
use crate::real::Real;
use crate::simulated::Simulated;
use crate::stage::Stage;

/// What the real server does at the end, and the simulated one refuses somewhere: with 0A000, or
/// since there is no such function (42883) or no such SQL (42601) there. The first word is the
/// SQLSTATE, or the tag, of the last statement.
const LEFT_OUT: &[(&str, &str, &[&str])] = &[
    (
        "0A000",
        "temporary tables, which cannot be prepared",
        &["BEGIN; CREATE TEMP TABLE lo_temp (id int)", "PREPARE TRANSACTION 'temp'"],
    ),
    (
        "0A000",
        "cursors that outlive their transaction, which cannot be prepared",
        &["BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1", "PREPARE TRANSACTION 'cursor'"],
    ),
    ("SELECT", "large objects, which take an id", &["SELECT lo_create(0) > 0"]),
    (
        "CREATE",
        "operators of one's own",
        &["CREATE OPERATOR @@@@ (FUNCTION = pg_catalog.int4eq, LEFTARG = int, RIGHTARG = int)"],
    ),
    (
        "REVOKE",
        "privileges of functions",
        &["REVOKE EXECUTE ON FUNCTION pg_catalog.pg_xact_status(xid8) FROM PUBLIC"],
    ),
    ("VACUUM", "vacuum", &["VACUUM"]),
    (
        "40001",
        "serializable transactions, one of two that skew a write fails at its end",
        &[
            "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM ca WHERE n = 1",
            "other: BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM ca WHERE n = 2",
            "INSERT INTO ca VALUES (101, 2)",
            "other: INSERT INTO ca VALUES (102, 1)",
            "other: COMMIT",
            "PREPARE TRANSACTION 'skewed'",
        ],
    ),
];

/// A transaction's id, taken without anything being flushed.
async fn xid<A: Arm>(stage: &mut Stage<A>) -> Result<u64> {
    let session = stage.session("a").await?;
    session.rows("BEGIN").await?;
    let rows = session.rows("SELECT pg_current_xact_id()").await?;
    let xid = rows.first().and_then(|row| row.first()).context("it has an id")?;
    Ok(xid.parse()?)
}

/// An id of which nothing was flushed is given again after a crash; one of a transaction that was
/// prepared is not, whatever became of that.
async fn forgotten_ids_are_given_again<A: Arm>(stage: &mut Stage<A>) -> Result<()> {
    let forgotten = xid(stage).await?;
    stage.crash().await?;
    let again = xid(stage).await?;
    ensure!(again == forgotten, "{forgotten} is {again} after a crash");
    let session = stage.session("a").await?;
    session.rows("PREPARE TRANSACTION 'ca'").await?;
    session.rows("ROLLBACK PREPARED 'ca'").await?;
    stage.crash().await?;
    let next = xid(stage).await?;
    ensure!(next > again, "{again} was prepared, and {next} is given after a crash");
    stage.session("a").await?.rows("ROLLBACK").await.map(drop)
}

/// A server with fewer slots than are prepared does not start.
async fn too_few_slots_keep_a_server_down<A: Arm>(stage: &mut Stage<A>) -> Result<()> {
    for gid in ["one", "two"] {
        let session = stage.session("a").await?;
        session.rows("BEGIN").await?;
        session.rows(&format!("PREPARE TRANSACTION '{gid}'")).await?;
    }
    stage.arm.slots(1).await?;
    let refused = stage.crash().await;
    ensure!(refused.is_err(), "it starts with two prepared transactions and one slot");
    let why = format!("{:#}", refused.expect_err("it was just looked at"));
    ensure!(why.contains("max_prepared_transactions"), "it gives another reason: {why}");
    Ok(())
}

async fn both<A: Arm>(stage: &mut Stage<A>) -> Result<()> {
    let by = stage.arm.name();
    forgotten_ids_are_given_again(stage).await.context(by.clone())?;
    stage.clear().await?;
    // Behind it there is no server any more.
    too_few_slots_keep_a_server_down(stage).await.context(by)
}

/// Plays what is left out, and gives the answers.
async fn left_out<A: Arm>(script: &[&str], stage: &mut Stage<A>) -> Result<Vec<String>> {
    let mut answers = Vec::new();
    for line in script {
        let (name, sql) =
            line.split_once("other: ").map_or(("a", *line), |(_, sql)| ("other", sql));
        stage.ask(name, sql).await?;
        answers.push(stage.answer(name).await?);
    }
    stage.clear().await?;
    Ok(answers)
}

const TABLE: &str = "CREATE TABLE ca (id int PRIMARY KEY, n int); INSERT INTO ca VALUES (1, 1)";

#[test]
fn what_no_script_can_tell_holds_of_both() -> Result<()> {
    let paused = || Builder::new_current_thread().enable_time().start_paused(true).build();
    paused()?.block_on(async { both(&mut Stage::new(Simulated::start(5).await?)).await })?;
    let refusals: Vec<Vec<String>> = paused()?.block_on(async {
        let mut all = Vec::new();
        for (_, _, script) in LEFT_OUT {
            let mut stage = Stage::new(Simulated::start(5).await?);
            stage.observer().await?.rows(TABLE).await?;
            all.push(left_out(script, &mut stage).await?);
        }
        anyhow::Ok(all)
    })?;
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let mut stage = Stage::new(Real::start(5).await?);
        stage.observer().await?.rows(TABLE).await?;
        for ((expected, what, script), refused) in LEFT_OUT.iter().zip(refusals) {
            let answers = left_out(script, &mut stage).await?;
            let last = answers.last().context("nothing was asked")?;
            ensure!(last.contains(expected), "{what}: the real server says {last}");
            let codes = ["ERROR 0A000 this simulated", "ERROR 42883", "ERROR 42601"];
            let is_refusal = |answer: &String| codes.iter().any(|code| answer.contains(code));
            let refuses = refused.iter().any(is_refusal);
            ensure!(refuses, "{what}: the simulated server does not refuse it: {refused:?}");
            println!("the simulated server refuses {what}");
        }
        both(&mut stage).await
    })
}
