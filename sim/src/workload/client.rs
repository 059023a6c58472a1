//! A client: takes transactions from a common backlog and runs them through the coordinator,
//! and later asks by gid what became of those that it never heard of.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{join, select};
use indoubt::{Clock, Coordinator, Gid, Outcome, Participant, Status, StatusError, Transaction};

use super::mood::{Mood, Patience};
use super::{Job, Workload};
use crate::draw::Draw;
use crate::edge::Witness;
use crate::history::{Event, Reason, Swept, Told, Tx, number_of};
use crate::parts::Backlog;
use crate::scenario::{Scenario, Servers};
use crate::time::{SimClock, within};

/// The first stream of the clients' pauses.
const STREAM: u64 = 3 << 48;

/// How many numbers ahead of its own somebody asks about a transaction that is to come.
const AHEAD: u64 = 3;

/// One client in a coordinator's process.
pub struct Client<P, W> {
    /// Its number.
    pub number: u16,
    /// The run's scenario.
    pub scenario: Arc<Scenario>,
    /// The coordinator.
    pub coordinator: Coordinator,
    /// The participants by number.
    pub participants: Vec<P>,
    /// What transactions do.
    pub workload: W,
    /// The work.
    pub backlog: Backlog,
    /// Who writes its history, and where it runs.
    pub witness: Witness,
}

impl<P: Participant, W: Workload<P>> Client<P, W> {
    /// Works until the backlog is empty.
    pub async fn run(self, epoch: u64) {
        let mut draw =
            Draw::new(self.scenario.seed, STREAM + (epoch << 16) + u64::from(self.number));
        let think = Duration::from_millis(self.scenario.think_ms);
        loop {
            SimClock.sleep(draw.between(Duration::ZERO, think)).await;
            let (of, by) = (self.scenario.transactions, self.witness.by());
            let Some(nth) = self.backlog.take(of, by) else { return };
            let _until_dropped = self.backlog.under_way(nth);
            // A client's own task stays small so; it is moved more often than there are transactions.
            Box::pin(self.transact(self.scenario.number(nth))).await;
        }
    }

    async fn transact(&self, number: u32) {
        let mut mood = Mood::of(&self.scenario, number);
        let transaction = self.coordinator.begin();
        let tx = Tx::of(transaction.gid());
        self.witness.record(Event::Began { tx, by: self.witness.by() });
        let job = Job {
            scenario: &self.scenario,
            number,
            transaction: &transaction,
            participants: &self.participants,
            witness: &self.witness,
            hasty: mood.hasty,
            enlisted: Mutex::default(),
            refused: AtomicBool::new(false),
        };
        if self.workload.transact(&job).await.is_err() && !self.commits_all_the_same(&job) {
            // Half of the time the client rolls back, half of the time it just drops it.
            if number.is_multiple_of(2) {
                transaction.rollback().await;
            }
            return;
        }
        let gid = transaction.gid().clone();
        let sweep = || sweep(&self.coordinator, &self.witness);
        let sweeps = mood.sweeps;
        let sweeping = async {
            match sweeps {
                Some(Patience::ToTheEnd) => sweep().await,
                Some(Patience::UpTo(patience)) => drop(within(patience, sweep()).await),
                None => {}
            }
        };
        let committing = self.commit(transaction, mood.leaves);
        if mood.asks {
            let asking = self.ask_all_the_time(&gid, &mut mood);
            join(select(pin!(committing), pin!(asking)), sweeping).await;
        } else {
            join(committing, sweeping).await;
        }
        // Some clients ask again at once: what they hear must agree with the answer.
        if number.is_multiple_of(4) {
            ask(&self.coordinator, &gid, &self.witness).await;
        }
    }

    /// Whether a client does not care that a statement was refused. A server does not say so when such a
    /// transaction is prepared or committed: it rolls back, and answers as if it had not.
    fn commits_all_the_same(&self, job: &Job<'_, P>) -> bool {
        let is_a_server = self.scenario.servers == Servers::Postgres;
        is_a_server && job.refused.load(Relaxed) && job.number % 4 == 1
    }

    async fn commit(&self, transaction: Transaction, patience: Option<Duration>) {
        let committing = commit(transaction, &self.backlog, &self.witness);
        match patience {
            Some(patience) => drop(within(patience, committing).await),
            None => drop(committing.await),
        }
    }

    /// Every other question is dropped at some moment. The first is about one that is to come.
    async fn ask_all_the_time(&self, gid: &Gid, mood: &mut Mood) {
        let to_come = Gid { sequence: gid.sequence + AHEAD, ..gid.clone() };
        self.backlog.ask(&to_come);
        ask(&self.coordinator, &to_come, &self.witness).await;
        loop {
            SimClock.sleep(mood.pause()).await;
            ask(&self.coordinator, gid, &self.witness).await;
            let _dropped = within(mood.pause() / 4, self.coordinator.status(gid)).await;
        }
    }
}

/// Asks to commit, and writes down the question and the answer.
///
/// # Cancel safety
/// Dropping the future is a client that stops waiting, and is written down as that.
pub async fn commit(transaction: Transaction, backlog: &Backlog, witness: &Witness) -> Told {
    let tx = Tx::of(transaction.gid());
    witness.record(Event::AskedCommit { tx });
    backlog.ask(transaction.gid());
    let outcome = witness.unless_given_up(transaction.commit(), Event::Left { tx }).await;
    let reason = Reason::of(&outcome);
    let (told, pending, heuristic) = match outcome {
        Outcome::Committed(done) => (Told::Committed, done.pending, done.heuristic),
        Outcome::Aborted(done) => (Told::Aborted, Vec::new(), done.heuristic),
        Outcome::InDoubt(_) => (Told::InDoubt, Vec::new(), Vec::new()),
    };
    let pending = pending.iter().filter_map(|name| number_of(name)).collect();
    let heuristic = heuristic.iter().filter_map(|one| number_of(&one.participant)).collect();
    witness.record(Event::Answered { tx, told, pending, heuristic, reason });
    told
}

/// Asks a coordinator what became of a transaction, and writes down the answer.
pub async fn ask(coordinator: &Coordinator, gid: &Gid, witness: &Witness) {
    let since = witness.now();
    let told = match coordinator.status(gid).await {
        Ok(Status::Committed) => Told::Committed,
        Ok(Status::PresumedAborted) => Told::Aborted,
        Ok(Status::Expired) => Told::Expired,
        Err(StatusError::NeverBegun { .. }) => Told::NeverBegun,
        Ok(Status::Undecided) | Err(_) => Told::InDoubt,
    };
    let after_us = passed(since, witness);
    witness.record(Event::Status { tx: Tx::of(gid), told, after_us });
}

/// Has a coordinator sweep, and writes down what the sweep says.
pub async fn sweep(coordinator: &Coordinator, witness: &Witness) {
    let since = witness.now();
    let says = Swept::from(&coordinator.recover().await);
    let (by, epoch, after_us) = (witness.by(), coordinator.epoch(), passed(since, witness));
    witness.record(Event::Swept { by, epoch, after_us, says });
}

/// Has a coordinator sweep again and again, with this pause.
pub async fn watch(coordinator: Coordinator, witness: Witness, pause: Duration) {
    loop {
        SimClock.sleep(pause).await;
        sweep(&coordinator, &witness).await;
    }
}

/// How much virtual time has passed, in microseconds.
fn passed(since: Duration, witness: &Witness) -> u64 {
    let after = witness.now().saturating_sub(since);
    u64::try_from(after.as_micros()).unwrap_or(u64::MAX)
}
