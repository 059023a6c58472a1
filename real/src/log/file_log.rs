//! The opened log: its promises as [`DecisionLog`], by way of a ledger and a writer.
//!
//! Everything that must be in order goes through the writer's lock. Reads take it too: an
//! answer is final only when no write is in flight and none has failed unrepaired. Absent: how
//! bytes get to the disk (`write`) and how a log comes to be open (`open`).

use std::collections::VecDeque;
use std::fmt;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::lock;
use indoubt::{
    Commit, CoordinatorId, DecisionLog, Entry, ForceError, Gid, Lineage, LogError, Origin,
};

use super::ledger::Ledger;
use super::record::{self, Key};
use super::storage::Storage;
use super::write::{Failure, Writer};

/// Forgets that wait for a force to take them along; one more and they are written without.
const FORGETS_HELD: usize = 256;

/// What can be set about a log.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many finished commits are remembered, so that a client can still ask for them.
    pub remembered: usize,
    /// The file is not compacted while it is shorter than this, in bytes.
    pub compact_from_bytes: u64,
    /// The file is compacted when it is this many times as long as what it says; at least 2.
    pub compact_ratio: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { remembered: 4096, compact_from_bytes: 1 << 20, compact_ratio: 4 }
    }
}

/// A decision log in the files of one directory.
///
/// Dropping it releases the directory. What [`forget`](DecisionLog::forget) noted last is then
/// lost, unless [`flush`](Self::flush) came before.
pub struct FileLog<S: Storage> {
    pub(super) storage: S,
    pub(super) coordinator: CoordinatorId,
    pub(super) epoch: u64,
    pub(super) options: Options,
    /// Set once and for ever when a newer epoch was seen.
    pub(super) fenced: AtomicBool,
    pub(super) shared: Mutex<Shared>,
    pub(super) writer: lock::Mutex<Writer<S::File>>,
    pub(super) _lock: S::Lock,
}

/// What callers leave for whoever writes next. Held for moments, never across an await.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) ledger: Ledger,
    pub(super) forces: VecDeque<Force>,
    /// Forgotten in the ledger and not yet in the file.
    pub(super) forgets: Vec<Key>,
}

/// A force that waits for a batch.
#[derive(Debug)]
pub(super) struct Force {
    pub(super) commit: Arc<Commit>,
    pub(super) answer: oneshot::Sender<Result<(), ForceError>>,
}

impl<S: Storage> FileLog<S> {
    /// Makes everything that was noted lazily durable, for a clean end.
    ///
    /// # Errors
    /// As for [`DecisionLog::unfinished`].
    ///
    /// # Cancel safety
    /// As for [`DecisionLog::force`], of the forgets.
    pub async fn flush(&self) -> Result<(), LogError> {
        let mut writer = self.settled().await?;
        if self.shared().forgets.is_empty() {
            return Ok(());
        }
        self.write_batch(&mut writer).await.map_err(|failure| failure.of_log(self.epoch))
    }

    /// Waits until nothing is queued or in flight and what failed is repaired, and makes sure
    /// that this opening is the latest. While the writer is held, the ledger is the truth.
    ///
    /// The look at the directory is what makes an `Absent` after a repair true: a successor that
    /// opened before the repair may have read the record that the repair threw away. For the
    /// other answers it is a courtesy, which keeps a coordinator that has been succeeded from
    /// acting on them.
    async fn settled(&self) -> Result<lock::MutexGuard<'_, Writer<S::File>>, LogError> {
        let settle = async {
            let mut writer = self.writer.lock().await;
            // A force that was dropped while it was queued must not land after the answer.
            while !self.shared().forces.is_empty() {
                // Whoever waits for it has been told.
                let _ = self.write_batch(&mut writer).await;
            }
            self.repair(&mut writer).await?;
            self.check_fence(&mut writer).await?;
            Ok(writer)
        };
        settle.await.map_err(|failure: Failure| failure.of_log(self.epoch))
    }

    fn key(&self, gid: &Gid) -> Result<Key, LogError> {
        if gid.coordinator != self.coordinator {
            let reason = format!(
                "{gid} is not of coordinator {}: ask the log of its own coordinator",
                self.coordinator
            );
            return Err(LogError::Unreadable { reason });
        }
        if gid.epoch > self.epoch {
            let reason = format!(
                "{gid} is of an epoch that this log has not reached (it is at {}): if the log's directory was \
                 restored from a copy, bring the latest one back",
                self.epoch
            );
            return Err(LogError::Unreadable { reason });
        }
        Ok(Key::of(gid))
    }

    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        // Nothing in there is left half done by a panic.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Storage> DecisionLog for FileLog<S> {
    fn coordinator(&self) -> &CoordinatorId {
        &self.coordinator
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn lineage(&self) -> Lineage {
        Lineage { log: 0, opening: 0 }
    }

    fn origin(&self, gid: &Gid) -> Origin {
        if gid.epoch > self.epoch { Origin::Newer } else { Origin::Own }
    }

    /// As the trait has it. When several forces wait, one of them writes for all. If that one
    /// is dropped, the next repairs the file and writes for the others. A fenced decision may have been read by the successor all the same, as any unknown one.
    /// A commit that no later opening could read as this log's is [`ForceError::Unknown`] too,
    /// though it is known not to have been written.
    async fn force(&self, commit: &Arc<Commit>) -> Result<(), ForceError> {
        let unwritten = |reason| ForceError::Unknown { reason };
        let key = self.key(&commit.gid).map_err(|error| unwritten(error.to_string()))?;
        if let Err(error) = record::check(commit) {
            self.shared().ledger.force_failed(key);
            return Err(unwritten(error.to_string()));
        }
        let (answer, mut answered) = oneshot::channel();
        self.shared().forces.push_back(Force { commit: Arc::clone(commit), answer });
        let mut writer = match select(&mut answered, pin!(self.writer.lock())).await {
            Either::Left((answer, _)) => return answer.unwrap_or_else(|_| Err(interrupted())),
            Either::Right((writer, _)) => writer,
        };
        loop {
            match answered.try_recv() {
                Ok(Some(answer)) => return answer,
                Err(oneshot::Canceled) => return Err(interrupted()),
                // The answers go out with the batch; its failure is ours only if ours was in it.
                Ok(None) => drop(self.write_batch(&mut writer).await),
            }
        }
    }

    /// As the trait has it. It is written with the next force; a crash of the process before
    /// that loses it.
    ///
    /// # Errors
    /// [`LogError::Unreadable`] also for a gid of another coordinator or a newer epoch.
    async fn forget(&self, gid: &Gid) -> Result<(), LogError> {
        if self.is_fenced() {
            return Err(Failure::Fenced.of_log(self.epoch));
        }
        let key = self.key(gid)?;
        let held = {
            let mut shared = self.shared();
            shared.ledger.forget(key);
            shared.forgets.push(key);
            shared.forgets.len()
        };
        if held > FORGETS_HELD { self.flush().await } else { Ok(()) }
    }

    /// As the trait has it.
    ///
    /// # Errors
    /// [`LogError::Unreadable`] also for a gid of another coordinator, and for one of a newer
    /// epoch: either would look absent, and thereby aborted, when the log cannot know.
    async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        let _writer = self.settled().await?;
        Ok(self.shared().ledger.entry(self.key(gid)?))
    }

    async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        let _writer = self.settled().await?;
        Ok(self.shared().ledger.unfinished())
    }
}

impl<S: Storage> fmt::Debug for FileLog<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileLog")
            .field("coordinator", &self.coordinator)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

fn interrupted() -> ForceError {
    ForceError::Unknown { reason: "the force that wrote for several was dropped".to_owned() }
}
