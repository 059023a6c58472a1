//! A client: takes transactions from a common backlog and runs them through the coordinator,
//! and later asks by gid what became of those that it never heard of.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{Either, select};
use indoubt::{Clock, Coordinator, DecisionLog, Gid, Outcome, Participant, Status, Transaction};

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

    /// No client begins any of these transactions.
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
    pub number: u8,
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
            Draw::new(self.scenario.seed, STREAM + (epoch << 8) + u64::from(self.number));
        let think = Duration::from_millis(self.scenario.think_ms);
        loop {
            SimClock.sleep(draw.between(Duration::ZERO, think)).await;
            let Some(number) = self.backlog.take(self.scenario.transactions) else { return };
            self.transact(number).await;
            self.backlog.done();
        }
    }

    async fn transact(&self, number: u32) {
        let transaction = self.coordinator.begin();
        let tx = tx(transaction.gid());
        self.events.record(Event::Began { tx, by: self.place });
        if self.work(&transaction, number, tx).await.is_none() {
            // Half of the time the client rolls back, half of the time it just drops it.
            if number.is_multiple_of(2) {
                transaction.rollback().await;
            }
            return;
        }
        let gid = transaction.gid().clone();
        commit(transaction, &self.backlog, &self.events).await;
        // Some clients ask again at once: what they hear must agree with the answer.
        if number.is_multiple_of(4) {
            let told = ask(&self.coordinator, &gid).await;
            self.events.record(Event::Status { tx, told });
        }
    }

    async fn work(
        &self,
        transaction: &Transaction<L, CoordinatorClock>,
        number: u32,
        tx: Tx,
    ) -> Option<()> {
        let mut enlisted = BTreeSet::new();
        for (p, op) in plan(&self.scenario, number, tx).steps {
            let participant = self.participants.get(usize::from(p))?;
            let branch = transaction.branch(participant).await.ok()?;
            if enlisted.insert(p) {
                self.events.record(Event::Enlisted { tx, p });
            }
            self.within_deadline(&branch, op).await?;
        }
        Some(())
    }

    async fn within_deadline(&self, branch: &SimBranch, op: Op) -> Option<()> {
        let work = std::pin::pin!(branch.work(op));
        let limit =
            std::pin::pin!(SimClock.sleep(Duration::from_millis(self.scenario.deadline_ms)));
        match select(work, limit).await {
            Either::Left((done, _)) => done.ok().map(drop),
            Either::Right(_) => None,
        }
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

/// Asks a coordinator what became of a transaction.
pub async fn ask<L: DecisionLog, C: Clock>(coordinator: &Coordinator<L, C>, gid: &Gid) -> Told {
    match coordinator.status(gid).await {
        Ok(Status::Committed) => Told::Committed,
        Ok(Status::PresumedAborted) => Told::Aborted,
        Ok(Status::Undecided | Status::Expired) | Err(_) => Told::InDoubt,
    }
}

/// A gid as the history names it.
pub fn tx(gid: &Gid) -> Tx {
    Tx { epoch: gid.epoch, sequence: gid.sequence }
}
