//! What a coordinator's handles, its driver and its transactions have in common.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Deadlines;
use super::alarms::Alarms;
use super::calls::{silence, within};
use super::driven::IsDriven;
use super::erased::{AnyClock, AnyLog, AnyParticipant};
use super::in_hand::InHand;
use super::live::Live;
use crate::gid::Gid;
use crate::log::{Commit, Entry, ForceError, LogError};

pub(super) struct Shared {
    pub(super) log: Box<dyn AnyLog>,
    pub(super) clock: Box<dyn AnyClock>,
    pub(super) deadlines: Deadlines,
    pub(super) participants: Vec<Arc<dyn AnyParticipant>>,
    pub(super) live: Live,
    pub(super) alarms: Alarms,
    pub(super) fenced: AtomicBool,
    /// Why the log is known to be broken, since its latest answer.
    pub(super) sick: Mutex<Option<String>>,
    /// What sweeps are at work on.
    pub(super) in_hand: InHand,
    pub(super) driven: IsDriven,
}

/// The log, and what its answers tell of its health. All calls but a force, which is never given
/// up, are within their deadline.
impl Shared {
    pub(super) async fn force(&self, commit: &Arc<Commit>) -> Result<(), ForceError> {
        let forced = self.log.force(commit).await;
        match &forced {
            Ok(()) => *self.sick() = None,
            Err(ForceError::Fenced { .. }) => self.learn_fenced(),
            Err(error) => *self.sick() = Some(error.to_string()),
        }
        forced
    }

    pub(super) async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        self.telling(self.bounded(self.log.read(gid)).await)
    }

    pub(super) async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        self.telling(self.bounded(self.log.unfinished()).await)
    }

    /// Being lazy, it tells nothing of the log's health.
    pub(super) async fn forget(&self, gid: &Gid) -> Result<(), LogError> {
        self.bounded(self.log.forget(gid)).await
    }

    pub(super) async fn flush(&self) -> Result<(), LogError> {
        self.bounded(self.log.flush()).await
    }

    /// Whether a decision can be expected to be written: one that is asked for while the log is
    /// broken would leave every branch prepared, with its locks, for as long as that lasts.
    pub(super) async fn is_fit(&self) -> Result<(), LogError> {
        if self.sick().is_none() {
            return Ok(());
        }
        self.unfinished().await.map(drop)
    }

    async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, LogError>>,
    ) -> Result<T, LogError> {
        let limit = self.deadlines.force;
        let answer = within(&*self.clock, limit, call)
            .await
            .unwrap_or_else(|| Err(LogError::Unreadable { reason: silence(limit) }));
        if let Err(LogError::Fenced { .. }) = answer {
            self.learn_fenced();
        }
        answer
    }

    /// The answer, and what it tells of the log's health.
    fn telling<T>(&self, answer: Result<T, LogError>) -> Result<T, LogError> {
        match &answer {
            Ok(_) => *self.sick() = None,
            Err(LogError::Fenced { .. }) => {}
            Err(error) => *self.sick() = Some(error.to_string()),
        }
        answer
    }
}

impl Shared {
    /// The number of the participant with this name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.participants.iter().position(|participant| participant.name() == name)
    }

    /// Whether a newer coordinator is known to own the log.
    pub(super) fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::Relaxed)
    }

    /// A fenced log stays fenced, so whoever learns of it tells everybody.
    fn learn_fenced(&self) {
        if !self.fenced.swap(true, Ordering::Relaxed) {
            tracing::error!(
                "a newer coordinator has opened the decision log: this one begins nothing more"
            );
        }
    }

    fn sick(&self) -> MutexGuard<'_, Option<String>> {
        // One assignment at a time: a panic elsewhere cannot have spoilt it.
        self.sick.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
