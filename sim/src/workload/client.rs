//! A client: takes transactions from a common backlog and runs them through the coordinator,
//! and later asks by gid what became of those that it never heard of.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{join, select};
use indoubt::{Clock, Coordinator, Gid, Outcome, Participant, Status, Transaction};

use super::mood::Mood;
use super::{Job, Workload};
use crate::draw::Draw;
use crate::history::{Event, Place, Told, Tx};
use crate::parts::Backlog;
use crate::scenario::Scenario;
use crate::time::{SimClock, Timed, within};

/// The first stream of the clients' pauses.
const STREAM: u64 = 3 << 48;

/// One client in a coordinator's process.
pub struct Client<P, W> {
    /// Its number.
    pub number: u16,
    /// Where it runs.
    pub place: Place,
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
    /// Where its history goes.
    pub events: Timed,
}

impl<P: Participant, W: Workload<P>> Client<P, W> {
    /// Works until the backlog is empty.
    pub async fn run(self, epoch: u64) {
        let mut draw =
            Draw::new(self.scenario.seed, STREAM + (epoch << 16) + u64::from(self.number));
        let think = Duration::from_millis(self.scenario.think_ms);
        loop {
            SimClock.sleep(draw.between(Duration::ZERO, think)).await;
            let Some(number) = self.backlog.take(self.scenario.transactions, self.place) else {
                return;
            };
            self.transact(number).await;
            self.backlog.done(number);
        }
    }

    async fn transact(&self, number: u32) {
        let mut mood = Mood::of(&self.scenario, number);
        let transaction = self.coordinator.begin();
        let tx = Tx::of(transaction.gid());
        self.events.record(Event::Began { tx, by: self.place });
        let job = Job {
            scenario: &self.scenario,
            number,
            transaction: &transaction,
            participants: &self.participants,
            events: &self.events,
            hasty: mood.hasty,
            enlisted: Mutex::default(),
        };
        if self.workload.transact(&job).await.is_err() {
            // Half of the time the client rolls back, half of the time it just drops it.
            if number.is_multiple_of(2) {
                transaction.rollback().await;
            }
            return;
        }
        let gid = transaction.gid().clone();
        let sweep = mood.sweeps.map(|patience| within(patience, self.coordinator.recover()));
        let sweeping = async {
            if let Some(sweep) = sweep {
                drop(sweep.await);
            }
        };
        let committing = self.commit(transaction, tx, mood.leaves);
        if mood.asks {
            let asking = self.ask_all_the_time(&gid, &mut mood);
            join(select(pin!(committing), pin!(asking)), sweeping).await;
        } else {
            join(committing, sweeping).await;
        }
        // Some clients ask again at once: what they hear must agree with the answer.
        if number.is_multiple_of(4) {
            ask(&self.coordinator, &gid, &self.events).await;
        }
    }

    async fn commit(&self, transaction: Transaction, tx: Tx, patience: Option<Duration>) {
        let committing = commit(transaction, &self.backlog, &self.events);
        let Some(patience) = patience else {
            committing.await;
            return;
        };
        if within(patience, committing).await.is_none() {
            self.events.record(Event::Left { tx });
        }
    }

    /// Every other question is dropped at some moment.
    async fn ask_all_the_time(&self, gid: &Gid, mood: &mut Mood) {
        loop {
            SimClock.sleep(mood.pause()).await;
            ask(&self.coordinator, gid, &self.events).await;
            let _dropped = within(mood.pause() / 4, self.coordinator.status(gid)).await;
        }
    }
}

/// Asks to commit, and writes down the question and the answer.
pub async fn commit(transaction: Transaction, backlog: &Backlog, events: &Timed) -> Told {
    let tx = Tx::of(transaction.gid());
    events.record(Event::AskedCommit { tx });
    backlog.ask(transaction.gid());
    let (told, pending, heuristic) = match transaction.commit().await {
        Outcome::Committed(done) => (Told::Committed, done.pending, done.heuristic),
        Outcome::Aborted(done) => (Told::Aborted, Vec::new(), done.heuristic),
        Outcome::InDoubt(_) => (Told::InDoubt, Vec::new(), Vec::new()),
    };
    let pending = pending.iter().filter_map(|name| number_of(name)).collect();
    let heuristic = heuristic.iter().filter_map(|one| number_of(&one.participant)).collect();
    events.record(Event::Answered { tx, told, pending, heuristic });
    told
}

/// A participant's number, by its name.
fn number_of(name: &str) -> Option<u8> {
    match name.parse() {
        Ok(Place::Participant(p)) => Some(p),
        _ => None,
    }
}

/// Asks a coordinator what became of a transaction, and writes down the answer.
pub async fn ask(coordinator: &Coordinator, gid: &Gid, events: &Timed) {
    let since = events.now();
    let told = match coordinator.status(gid).await {
        Ok(Status::Committed) => Told::Committed,
        Ok(Status::PresumedAborted) => Told::Aborted,
        Ok(Status::Expired) => Told::Expired,
        Ok(Status::Undecided) | Err(_) => Told::InDoubt,
    };
    let after = events.now().saturating_sub(since);
    let after_us = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
    events.record(Event::Status { tx: Tx::of(gid), told, after_us });
}
