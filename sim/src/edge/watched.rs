//! A decision log that tells the history what happens to it.
//!
//! It sits directly on the real log, under anything that a test plants, so what it records is
//! what the log did and not what somebody claims of it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use indoubt::{
    Commit, CoordinatorId, DecisionLog, Entry, ForceError, Gid, Lineage, LogError, Origin,
};

use super::Witness;
use crate::history::{Event, Reading, Tx};
use crate::lock::lock;

/// A log, watched.
pub struct Watched<L> {
    log: Arc<L>,
    witness: Witness,
    /// Decisions that are on their way, or whose force failed: a reading can be the first to tell
    /// that they are durable.
    unknown: Arc<Mutex<BTreeSet<Tx>>>,
}

// Derived, it would ask the same of the log.
impl<L> Clone for Watched<L> {
    fn clone(&self) -> Self {
        Self { log: self.log.clone(), witness: self.witness.clone(), unknown: self.unknown.clone() }
    }
}

impl<L: DecisionLog> Watched<L> {
    /// Watches a log that has just been opened, and records what it found unfinished.
    ///
    /// # Errors
    /// The log's, if it cannot say.
    pub async fn opened(log: L, witness: Witness) -> Result<Self, LogError> {
        let unfinished = log.unfinished().await?.iter().map(|commit| Tx::of(&commit.gid)).collect();
        witness.record(Event::Opened { by: witness.by(), epoch: log.epoch(), unfinished });
        Ok(Self { log: Arc::new(log), witness, unknown: Arc::default() })
    }

    /// The same log before other eyes.
    pub(crate) fn seen_by(&self, witness: Witness) -> Self {
        Self { log: self.log.clone(), witness, unknown: self.unknown.clone() }
    }

    /// The log itself, unwatched.
    pub(crate) fn log(&self) -> &L {
        &self.log
    }

    /// Writes down that a force was begun.
    pub(crate) fn announce(&self, commit: &Commit) {
        let branches = u32::try_from(commit.branches.len()).unwrap_or(u32::MAX);
        self.witness.record(Event::Deciding { tx: Tx::of(&commit.gid), branches });
    }

    /// Carries out a force that has been announced.
    pub(crate) async fn carry_out(&self, commit: &Arc<Commit>) -> Result<(), ForceError> {
        let tx = Tx::of(&commit.gid);
        lock(&self.unknown).insert(tx);
        let forced = self.log.force(commit).await;
        if forced.is_ok() {
            lock(&self.unknown).remove(&tx);
        }
        self.witness.record(match &forced {
            Ok(()) => Event::Decided { tx },
            Err(error) => {
                Event::ForceFailed { tx, fenced: matches!(error, ForceError::Fenced { .. }) }
            }
        });
        forced
    }
}

impl<L: DecisionLog> DecisionLog for Watched<L> {
    fn coordinator(&self) -> &CoordinatorId {
        self.log.coordinator()
    }

    fn epoch(&self) -> u64 {
        self.log.epoch()
    }

    fn lineage(&self) -> Lineage {
        self.log.lineage()
    }

    fn origin(&self, gid: &Gid) -> Origin {
        self.log.origin(gid)
    }

    async fn force(&self, commit: &Arc<Commit>) -> Result<(), ForceError> {
        self.announce(commit);
        self.carry_out(commit).await
    }

    async fn forget(&self, gid: &Gid) -> Result<(), LogError> {
        // Before it happens: an opening may already miss it while the call is under way.
        self.witness.record(Event::Forgotten { tx: Tx::of(gid), by: self.witness.by() });
        self.log.forget(gid).await
    }

    fn has_ended(&self, up_to: &Gid) {
        self.log.has_ended(up_to);
    }

    async fn flush(&self) -> Result<(), LogError> {
        self.log.flush().await
    }

    async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        let (tx, by) = (Tx::of(gid), self.witness.by());
        let event = |reading| Event::LogRead { tx, by, reading };
        let came = |answer: &Result<Entry, LogError>| {
            if matches!(answer, Ok(Entry::Unfinished(_))) && lock(&self.unknown).remove(&tx) {
                self.witness.record(Event::Decided { tx });
            }
            event(reading(answer))
        };
        self.witness.wait(self.log.read(gid), came, event(Reading::GivenUp)).await
    }

    async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        let unreadable = || Event::LogUnreadable { by: self.witness.by() };
        let answer = self.witness.unless_given_up(self.log.unfinished(), unreadable()).await;
        if answer.is_err() {
            self.witness.record(unreadable());
        }
        answer
    }
}

const fn reading(answer: &Result<Entry, LogError>) -> Reading {
    match answer {
        Ok(Entry::Unfinished(_)) => Reading::Unfinished,
        Ok(Entry::Finished) => Reading::Finished,
        Ok(Entry::Absent) => Reading::Absent,
        Ok(Entry::Expired) => Reading::Expired,
        Err(LogError::Unreadable { .. }) => Reading::Unreadable,
        Err(LogError::Fenced { .. }) => Reading::Fenced,
    }
}
