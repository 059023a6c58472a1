//! A decision log that tells the history what happens to it.
//!
//! It sits directly on the real log, under anything that a test plants, so what it records is
//! what the log did and not what somebody claims of it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use indoubt::{Commit, CoordinatorId, DecisionLog, Entry, ForceError, Gid, LogError};

use super::control::lock;
use super::ordered::{Answer, LogCall};
use super::{Desk, Timed};
use crate::history::{Event, Place, Tx};
use crate::workload::tx;

/// A log, watched.
pub struct Watched<L> {
    log: Arc<L>,
    by: Place,
    events: Timed,
    /// Decisions whose force failed: a later reading tells whether they are durable.
    unknown: Arc<Mutex<BTreeSet<Tx>>>,
    /// Where calls are left for somebody to decide what becomes of them, if there is one.
    desk: Option<Desk>,
}

impl<L: DecisionLog> Watched<L> {
    /// Watches a log that has just been opened, and records what it found unfinished.
    ///
    /// # Errors
    /// The log's, if it cannot say.
    pub async fn opened(log: L, by: Place, events: Timed) -> Result<Self, LogError> {
        let unfinished = log.unfinished().await?.iter().map(|commit| tx(&commit.gid)).collect();
        events.record(Event::Opened { by, epoch: log.epoch(), unfinished });
        Ok(Self { log: Arc::new(log), by, events, unknown: Arc::default(), desk: None })
    }

    /// The same log, whose calls are left at a desk, if there is one.
    pub(super) fn by_way_of(&self, desk: Option<Desk>) -> Self {
        let (log, events, unknown) = (self.log.clone(), self.events.clone(), self.unknown.clone());
        Self { log, by: self.by, events, unknown, desk }
    }

    /// The log itself, unwatched.
    pub(super) fn log(&self) -> &L {
        &self.log
    }

    async fn decided<T>(&self, call: impl FnOnce(Answer<T>) -> LogCall) -> Option<T> {
        self.desk.as_ref()?.log(self.epoch(), call).await
    }

    fn noting<T>(&self, answer: Result<T, LogError>) -> Result<T, LogError> {
        if answer.is_err() {
            self.events.record(Event::LogUnreadable { by: self.by });
        }
        answer
    }
}

impl<L: DecisionLog> DecisionLog for Watched<L> {
    fn coordinator(&self) -> &CoordinatorId {
        self.log.coordinator()
    }

    fn epoch(&self) -> u64 {
        self.log.epoch()
    }

    async fn force(&self, commit: &Arc<Commit>) -> Result<(), ForceError> {
        let call = |answer| LogCall::Force { commit: commit.clone(), answer };
        if let Some(decided) = self.decided(call).await {
            return decided;
        }
        let tx = tx(&commit.gid);
        let branches = u32::try_from(commit.branches.len()).unwrap_or(u32::MAX);
        self.events.record(Event::Deciding { tx, branches });
        let forced = self.log.force(commit).await;
        if forced.is_err() {
            lock(&self.unknown).insert(tx);
        }
        self.events.record(match &forced {
            Ok(()) => Event::Decided { tx },
            Err(error) => {
                Event::ForceFailed { tx, fenced: matches!(error, ForceError::Fenced { .. }) }
            }
        });
        forced
    }

    async fn forget(&self, gid: &Gid) -> Result<(), LogError> {
        let call = |answer| LogCall::Forget { gid: gid.clone(), answer };
        if let Some(decided) = self.decided(call).await {
            return decided;
        }
        // Before it happens: an opening may already miss it while the call is under way.
        self.events.record(Event::Forgotten { tx: tx(gid) });
        self.log.forget(gid).await
    }

    async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        let call = |answer| LogCall::Read { gid: gid.clone(), answer };
        if let Some(decided) = self.decided(call).await {
            return decided;
        }
        let entry = self.noting(self.log.read(gid).await)?;
        let tx = tx(gid);
        if lock(&self.unknown).remove(&tx) && matches!(entry, Entry::Unfinished(_)) {
            self.events.record(Event::Decided { tx });
        }
        Ok(entry)
    }

    async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        let call = |answer| LogCall::Unfinished { answer };
        if let Some(decided) = self.decided(call).await {
            return decided;
        }
        self.noting(self.log.unfinished().await)
    }
}
