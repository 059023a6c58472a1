//! What an opened log consists of: what its callers and the turns of its writer have in common.
//!
//! A turn can outlive the call that began it, so it cannot borrow this: it shares it.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;
use futures::lock;
use indoubt::{Commit, CoordinatorId, ForceError};

use super::journal::Journal;
use super::key::Key;
use super::ledger::Ledger;
use super::lineages::Lineages;
use super::options::Options;
use super::state::WriterState;
use super::storage::Storage;

pub(super) struct Core<S: Storage> {
    pub(super) storage: S,
    pub(super) coordinator: CoordinatorId,
    pub(super) epoch: u64,
    pub(super) lineages: Lineages,
    pub(super) options: Options,
    /// Set once and for ever when a newer epoch was seen.
    pub(super) fenced: AtomicBool,
    pub(super) shared: Mutex<Shared>,
    /// Locked by a turn from its beginning to its end.
    pub(super) journal: lock::Mutex<Journal<S::File>>,
    pub(super) _lock: S::Lock,
}

/// What callers leave for whoever writes next. Held for moments, never across an await.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) ledger: Ledger,
    pub(super) forces: VecDeque<Force>,
    /// Forgotten in the ledger and not yet in the file.
    pub(super) forgets: Vec<Key>,
    pub(super) state: WriterState,
}

/// A force that waits for a batch.
#[derive(Debug)]
pub(super) struct Force {
    pub(super) commit: Arc<Commit>,
    pub(super) answer: oneshot::Sender<Result<(), ForceError>>,
}

impl<S: Storage> Core<S> {
    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        // Nothing in there is left half done by a panic.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
