//! What a coordinator's handles, its driver and its transactions have in common.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Deadlines;
use super::erased::AnyParticipant;
use crate::clock::{Clock, within};
use crate::gid::{CoordinatorId, Gid, Lineage};
use crate::log::{Commit, DecisionLog, Entry, LogError};
use crate::outcome::Heuristic;
use crate::protocol::{Decision, Ending};

pub(super) struct Shared<L, C> {
    pub(super) log: L,
    pub(super) clock: C,
    pub(super) deadlines: Deadlines,
    pub(super) participants: Vec<Arc<dyn AnyParticipant>>,
    pub(super) live: Live,
    pub(super) on_heuristic: Box<dyn Fn(&Heuristic) + Send + Sync>,
    pub(super) fenced: AtomicBool,
}

/// The log within its deadline. A force is not among these calls: it is never given up.
impl<L: DecisionLog, C: Clock> Shared<L, C> {
    pub(super) async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        self.bounded(self.log.read(gid)).await
    }

    pub(super) async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        self.bounded(self.log.unfinished()).await
    }

    pub(super) async fn forget(&self, gid: &Gid) -> Result<(), LogError> {
        self.bounded(self.log.forget(gid)).await
    }

    async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, LogError>>,
    ) -> Result<T, LogError> {
        let limit = self.deadlines.force;
        let answer = within(&self.clock, limit, call).await.unwrap_or_else(|| {
            Err(LogError::Unreadable { reason: format!("no answer within {limit:?}") })
        });
        if let Err(LogError::Fenced { .. }) = answer {
            self.note_fenced();
        }
        answer
    }
}

impl<L, C> Shared<L, C> {
    pub(super) fn participant(&self, name: &str) -> Option<&Arc<dyn AnyParticipant>> {
        self.participants.iter().find(|participant| participant.name() == name)
    }

    /// Whether a newer coordinator is known to own the log.
    pub(super) fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::Relaxed)
    }

    /// A fenced log stays fenced, so whoever learns of it tells everybody.
    pub(super) fn note_fenced(&self) {
        if !self.fenced.swap(true, Ordering::Relaxed) {
            tracing::error!(
                "a newer coordinator has opened the decision log: this one begins nothing more"
            );
        }
    }

    /// What an ending that is not as decided amounts to. Never swallowed: it is the operator
    /// who must mend it.
    pub(super) fn report(
        &self,
        gid: &Gid,
        participant: &str,
        decision: Decision,
        ending: Ending,
    ) -> Option<Heuristic> {
        if ending.is_as_decided() {
            return None;
        }
        let heuristic = Heuristic { gid: gid.clone(), participant: participant.to_owned(), ending };
        tracing::error!(%gid, participant, ?decision, "{heuristic}");
        (self.on_heuristic)(&heuristic);
        Some(heuristic)
    }
}

/// The transactions that this process is still driving. Recovery leaves them alone.
///
/// A gid enters when it is allotted, before any participant hears of it, and leaves when its
/// machine is done; it never enters again.
pub(super) struct Live {
    coordinator: CoordinatorId,
    epoch: u64,
    lineage: Lineage,
    sequences: Mutex<Sequences>,
}

/// What is known of a live transaction beside the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Undecided,
    Aborting,
}

#[derive(Default)]
struct Sequences {
    last: u64,
    live: BTreeMap<u64, Stage>,
}

impl Live {
    pub(super) fn new(log: &impl DecisionLog) -> Self {
        Self {
            coordinator: log.coordinator().clone(),
            epoch: log.epoch(),
            lineage: log.lineage(),
            sequences: Mutex::default(),
        }
    }

    /// A new gid, live from now on.
    pub(super) fn allot(&self) -> Gid {
        let mut sequences = self.lock();
        sequences.last += 1;
        let sequence = sequences.last;
        sequences.live.insert(sequence, Stage::Undecided);
        Gid {
            coordinator: self.coordinator.clone(),
            epoch: self.epoch,
            sequence,
            lineage: self.lineage,
        }
    }

    /// Whether the gid is of this epoch and has not been given out yet.
    pub(super) fn is_to_come(&self, gid: &Gid) -> bool {
        gid.epoch == self.epoch && gid.lineage == self.lineage && gid.sequence > self.lock().last
    }

    /// How far a transaction is, if it is live here.
    pub(super) fn stage(&self, gid: &Gid) -> Option<Stage> {
        let ours = gid.epoch == self.epoch && gid.lineage == self.lineage;
        if ours { self.lock().live.get(&gid.sequence).copied() } else { None }
    }

    /// The transaction is going to abort, whatever its branches still have to be told.
    pub(super) fn aborting(&self, gid: &Gid) {
        if let Some(stage) = self.lock().live.get_mut(&gid.sequence) {
            *stage = Stage::Aborting;
        }
    }

    pub(super) fn end(&self, gid: &Gid) {
        self.lock().live.remove(&gid.sequence);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Sequences> {
        // The set is valid after every statement, so a panic elsewhere cannot have spoilt it.
        self.sequences.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
