//! A client: takes transactions from a common backlog and runs them through the coordinator,
//! and later asks by gid what became of those that it never heard of.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{join, select};
use indoubt::{Clock, Coordinator, DecisionLog, Gid, Outcome, Participant, Status, Transaction};

use super::mood::{Mood, within};
use super::plan;
use crate::draw::Draw;
use crate::history::{Event, Place, Told, Tx};
use crate::participant::{Op, SimBranch};
use crate::scenario::Scenario;
use crate::world::{CoordinatorClock, SimClock, Timed};

/// The first stream of the clients' pauses.
const STREAM: u64 = 3 << 48;

/// The transactions of a run that are still to do, and the gids whose fate is to be asked.
/// It outlives the clients, as a user's own records outlive a crash of the service.
#[derive(Clone, Default)]
pub struct Backlog {
    inner: Arc<Mutex<Work>>,
}

#[derive(Default)]
struct Work {
    begun: u32,
    /// Transactions that were asked to commit.
    asked: BTreeSet<Gid>,
    active: u32,
}

impl Backlog {
    /// The next transaction's number, if there is one.
    fn take(&self, of: u32) -> Option<u32> {
        let mut work = self.work();
        (work.begun < of).then(|| {
            work.begun += 1;
            work.active += 1;
            work.begun - 1
        })
    }

    fn done(&self) {
        self.work().active -= 1;
    }

    /// The clients were killed, with what they were at.
    pub fn crashed(&self) {
        self.work().active = 0;
    }

    /// Whether all transactions have been begun and no client is at work.
    pub fn is_empty(&self, of: u32) -> bool {
        let work = self.work();
        work.begun == of && work.active == 0
    }

    /// No client begins any more of these transactions.
    pub(crate) fn begin_none(&self, of: u32) {
        self.work().begun = of;
    }

    /// Nobody will ask for these transactions by gid.
    pub(crate) fn ask_for_none(&self, of: impl Fn(&Tx) -> bool) {
        self.work().asked.retain(|gid| !of(&tx(gid)));
    }

    /// Transactions that were asked to commit, in order.
    pub fn asked(&self) -> Vec<Gid> {
        self.work().asked.iter().cloned().collect()
    }

    fn work(&self) -> std::sync::MutexGuard<'_, Work> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client in a coordinator's process.
pub struct Client<L, P> {
    /// Its number.
    pub number: u16,
    /// Where it runs.
    pub place: Place,
    /// The run's scenario.
    pub scenario: Arc<Scenario>,
    /// The coordinator.
    pub coordinator: Coordinator<L, CoordinatorClock>,
    /// The participants by number.
    pub participants: Vec<P>,
    /// The work.
    pub backlog: Backlog,
    /// Where its history goes.
    pub events: Timed,
}

impl<L: DecisionLog, P: Participant<Branch = SimBranch>> Client<L, P> {
    /// Works until the backlog is empty.
    pub async fn run(self, epoch: u64) {
        let mut draw =
            Draw::new(self.scenario.seed, STREAM + (epoch << 16) + u64::from(self.number));
        let think = Duration::from_millis(self.scenario.think_ms);
        loop {
            SimClock.sleep(draw.between(Duration::ZERO, think)).await;
            let Some(number) = self.backlog.take(self.scenario.transactions) else { return };
            self.transact(number).await;
            self.backlog.done();
        }
    }

    async fn transact(&self, number: u32) {
        let mut mood = Mood::of(&self.scenario, number);
        let transaction = self.coordinator.begin();
        let tx = tx(transaction.gid());
        self.events.record(Event::Began { tx, by: self.place });
        if self.work(&transaction, number, tx, &mood).await.is_none() {
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

    async fn commit(
        &self,
        transaction: Transaction<L, CoordinatorClock>,
        tx: Tx,
        patience: Option<Duration>,
    ) {
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

    async fn work(
        &self,
        transaction: &Transaction<L, CoordinatorClock>,
        number: u32,
        tx: Tx,
        mood: &Mood,
    ) -> Option<()> {
        let mut enlisted = BTreeSet::new();
        for (p, op) in plan(&self.scenario, number, tx).steps {
            let participant = self.participants.get(usize::from(p))?;
            let mut had = || {
                if enlisted.insert(p) {
                    self.events.record(Event::Enlisted { tx, p });
                }
            };
            if let Some(patience) = mood.hasty {
                let early = within(patience, transaction.branch(participant)).await;
                if let Some(Ok(_)) = early {
                    had();
                }
            }
            let branch = transaction.branch(participant).await.ok()?;
            had();
            self.within_deadline(&branch, op).await?;
        }
        Some(())
    }

    async fn within_deadline(&self, branch: &SimBranch, op: Op) -> Option<()> {
        let deadline = Duration::from_millis(self.scenario.deadline_ms);
        within(deadline, branch.work(op)).await?.ok().map(drop)
    }
}

/// Asks to commit, and writes down the question and the answer.
pub async fn commit<L: DecisionLog, C: Clock>(
    transaction: Transaction<L, C>,
    backlog: &Backlog,
    events: &Timed,
) -> Told {
    let tx = tx(transaction.gid());
    events.record(Event::AskedCommit { tx });
    backlog.work().asked.insert(transaction.gid().clone());
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
pub async fn ask<L: DecisionLog, C: Clock>(
    coordinator: &Coordinator<L, C>,
    gid: &Gid,
    events: &Timed,
) {
    let since = events.now();
    let told = match coordinator.status(gid).await {
        Ok(Status::Committed) => Told::Committed,
        Ok(Status::PresumedAborted) => Told::Aborted,
        Ok(Status::Expired) => Told::Expired,
        Ok(Status::Undecided) | Err(_) => Told::InDoubt,
    };
    let after = events.now().saturating_sub(since);
    let after_us = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
    events.record(Event::Status { tx: tx(gid), told, after_us });
}

/// A gid as the history names it.
pub fn tx(gid: &Gid) -> Tx {
    Tx { epoch: gid.epoch, sequence: gid.sequence }
}
