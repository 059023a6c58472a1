//! One transaction of a run: what the simulator's clients do, as SQL at Postgres branches.

use anyhow::Result;
use indoubt::Transaction;
use indoubt_real::PostgresBranch;
use indoubt_sim::history::{Event, Tx};
use indoubt_sim::parts::{Backlog, Op};
use indoubt_sim::workload::{Planned, ask, commit};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::timeout;

use super::HERE;
use super::desk::Desk;
use crate::words::Said;

/// Carries out the transaction of this number, from its beginning to its client's answer.
pub(super) async fn transact(desk: &Desk, number: u32) {
    let transaction = desk.coordinator.begin();
    let (gid, tx) = (transaction.gid().clone(), Tx::of(transaction.gid()));
    // Before it can commit: whoever judges it has to be able to ask what became of it.
    desk.mouth.say(&Said::Called(tx, gid.to_string()));
    desk.witness.record(Event::Began { tx, by: HERE });
    if work(desk, number, &transaction).await.is_err() {
        // Half of the time the client rolls back, half of the time it just drops it.
        if number.is_multiple_of(2) {
            transaction.rollback().await;
        }
        return;
    }
    // The backlog is the simulated clients'; here whoever kills this process keeps the gids.
    commit(transaction, &Backlog::default(), &desk.witness).await;
    if number.is_multiple_of(4) {
        ask(&desk.coordinator, &gid, &desk.witness).await;
    }
}

async fn work(desk: &Desk, number: u32, transaction: &Transaction) -> Result<()> {
    let (tx, mut enlisted) = (Tx::of(transaction.gid()), BTreeSet::new());
    let step = Duration::from_millis(desk.scenario.deadline_ms);
    for (p, op) in Planned::steps(&desk.scenario, number, tx) {
        let branch = transaction.branch(&desk.participants[usize::from(p)]).await?;
        if enlisted.insert(p) {
            desk.witness.record(Event::Enlisted { tx, p });
        }
        timeout(step, carry_out(&branch, op)).await??;
    }
    Ok(())
}

/// That no row is below zero is checked at the prepare, by a deferred constraint trigger.
async fn carry_out(branch: &PostgresBranch, op: Op) -> Result<(), tokio_postgres::Error> {
    // One message to the server and one back: numbers need no parameters.
    let statement = match op {
        Op::Read { key } => format!("SELECT value FROM rows WHERE key = {key}"),
        Op::Add { key, delta } => {
            format!("UPDATE rows SET value = value + ({delta}) WHERE key = {key}")
        }
        Op::Insert { key, value } => format!("INSERT INTO rows VALUES ({key}, {value})"),
    };
    branch.batch_execute(&statement).await
}
