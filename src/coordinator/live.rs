//! The transactions that this process is still driving. Recovery leaves them alone.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::erased::AnyLog;
use crate::gid::{CoordinatorId, Gid, Lineage};

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
    /// Over, with one branch of which nobody can say how it ended; it was never prepared.
    Untold,
}

#[derive(Default)]
struct Sequences {
    last: u64,
    live: BTreeMap<u64, Stage>,
}

impl Live {
    pub(super) fn new(log: &dyn AnyLog) -> Self {
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

    /// The last of those before which none is live: its machine, and theirs, are done.
    pub(super) fn all_done(&self) -> Gid {
        let sequences = self.lock();
        let mut at_work = sequences.live.iter().filter(|(_, stage)| **stage != Stage::Untold);
        let sequence = at_work.next().map_or(sequences.last, |(first, _)| first - 1);
        Gid {
            coordinator: self.coordinator.clone(),
            epoch: self.epoch,
            sequence,
            lineage: self.lineage,
        }
    }

    /// Whether the gid is of this opening and has not been given out yet.
    pub(super) fn is_to_come(&self, gid: &Gid) -> bool {
        self.is_of_this_opening(gid) && gid.sequence > self.lock().last
    }

    /// How far a transaction is, if it is live here.
    pub(super) fn stage(&self, gid: &Gid) -> Option<Stage> {
        if self.is_of_this_opening(gid) {
            self.lock().live.get(&gid.sequence).copied()
        } else {
            None
        }
    }

    /// The transaction is going to abort, whatever its branches still have to be told.
    pub(super) fn aborting(&self, gid: &Gid) {
        self.enter(gid, Stage::Aborting);
    }

    /// It is over, and will be undecided for ever.
    pub(super) fn untold(&self, gid: &Gid) {
        self.enter(gid, Stage::Untold);
    }

    fn enter(&self, gid: &Gid, stage: Stage) {
        if let Some(now) = self.lock().live.get_mut(&gid.sequence) {
            *now = stage;
        }
    }

    pub(super) fn end(&self, gid: &Gid) {
        self.lock().live.remove(&gid.sequence);
    }

    fn is_of_this_opening(&self, gid: &Gid) -> bool {
        gid.epoch == self.epoch && gid.lineage == self.lineage
    }

    fn lock(&self) -> MutexGuard<'_, Sequences> {
        // The set is valid after every statement, so a panic elsewhere cannot have spoilt it.
        self.sequences.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
