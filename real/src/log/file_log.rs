//! The opened log: its promises as [`DecisionLog`], by way of a ledger and a writer.
//!
//! Everything that must be in order goes through the writer's lock. Reads do not, as long as all
//! is well: traffic that never pauses holds that lock for ever, one batch after the other, and an
//! answer depends on the writer only in the cases that `state` tells. Absent: how bytes get to the
//! disk (`write`) and how a log comes to be open (`open`).

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
use super::lineages::Lineages;
use super::record::{self, Key};
use super::state::{Depends, WriterState};
use super::storage::Storage;
use super::write::{Failure, Writer};

/// Notes that wait for a force to take them along; with one more the next sweep does.
const NOTES_HELD: usize = 256;

/// What can be set about a log.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many finished commits are remembered one by one, the latest to finish, so that a
    /// client can still ask for them whenever they began.
    pub remembered: usize,
    /// How many ranges of consecutive finished commits are remembered beyond those. Every
    /// transaction that did not commit parts two ranges, so with one abort in a hundred
    /// commits the default tells exactly of the last 6.5 million transactions. More are kept while
    /// a participant cannot be reached, 16 bytes each: what may be prepared there must not expire.
    pub ranges: usize,
    /// The file is not compacted while it is shorter than this, in bytes.
    pub compact_from_bytes: u64,
    /// The file is compacted when it is this many times as long as what it says; at least 2.
    pub compact_ratio: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { remembered: 4096, ranges: 1 << 16, compact_from_bytes: 1 << 20, compact_ratio: 4 }
    }
}

/// A decision log in the files of one directory.
///
/// Dropping it releases the directory. What [`forget`](DecisionLog::forget) noted last is then
/// lost, unless [`flush`](DecisionLog::flush) came before.
pub struct FileLog<S: Storage> {
    pub(super) storage: S,
    pub(super) coordinator: CoordinatorId,
    pub(super) epoch: u64,
    pub(super) lineages: Lineages,
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
    pub(super) state: WriterState,
}

/// A force that waits for a batch.
#[derive(Debug)]
pub(super) struct Force {
    pub(super) commit: Arc<Commit>,
    pub(super) answer: oneshot::Sender<Result<(), ForceError>>,
}

impl<S: Storage> FileLog<S> {
    /// Waits until no answer about this gid depends on the writer any more, and gives it: the
    /// ledger's, in a moment in which this opening was the latest. Without a gid, an answer about
    /// all that are known.
    ///
    /// The look at the directory is what makes an `Absent` after a repair true: a successor that
    /// opened before the repair may have read the record that the repair threw away. For the
    /// other answers it is a courtesy, which keeps a coordinator that has been succeeded from
    /// acting on them.
    async fn answer<T>(&self, on: Option<Key>, of: impl Fn(&Ledger) -> T) -> Result<T, Failure> {
        loop {
            let depends = {
                let mut shared = self.shared();
                // A force that was dropped while it was queued must not land after the answer;
                // it is in no file yet.
                shared.forces.retain(|force| !force.answer.is_canceled());
                shared.state.depends(on)
            };
            match depends {
                Depends::Ledger => {}
                Depends::Batch(over) => {
                    // Its sender is dropped only with the log.
                    let _ = over.await;
                    continue;
                }
                Depends::Repair(over) => {
                    if let Either::Right((mut writer, _)) =
                        select(over, pin!(self.writer.lock())).await
                    {
                        self.repair(&mut writer).await?;
                        self.shared().state.repaired();
                    }
                    continue;
                }
            }
            let answer = of(&self.shared().ledger);
            if self.look_for_successor().await? {
                return Ok(answer);
            }
            let mut writer = self.writer.lock().await;
            // It writes the file anew, if it is gone still.
            if self.check_fence(&mut writer).await.is_err() {
                self.repair(&mut writer).await?;
            }
        }
    }

    /// Takes along what was noted and no force has taken, if nobody is writing anyway.
    async fn take_notes_along(&self) {
        if self.shared().forgets.len() > NOTES_HELD
            && let Some(mut writer) = self.writer.try_lock()
        {
            // They stay noted, and the next one takes them.
            let _ = self.write_batch(&mut writer).await;
        }
    }

    fn key(&self, gid: &Gid) -> Result<Key, LogError> {
        if gid.coordinator != self.coordinator {
            let reason = format!(
                "{gid} is not of coordinator {}: ask the log of its own coordinator",
                self.coordinator
            );
            return Err(LogError::Unreadable { reason });
        }
        let unreadable = |reason| Err(LogError::Unreadable { reason });
        match self.lineages.origin(gid, self.epoch) {
            Origin::Own => Ok(Key::of(gid)),
            Origin::Newer => unreadable(format!(
                "{gid} is of an epoch that this log has not reached (it is at {}): if the log's directory was \
                 restored from a copy, bring the latest one back",
                self.epoch
            )),
            Origin::OtherOpening => unreadable(format!(
                "{gid} is of an opening that this log never saw: if the log's directory was restored from a \
                 copy, bring the latest one back"
            )),
            Origin::OtherLog => unreadable(format!(
                "{gid} is of another log under the same coordinator id: give each replica an id and a \
                 directory of its own"
            )),
        }
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
        // An opening knows itself.
        self.lineages.of(self.epoch).unwrap_or(Lineage { log: self.lineages.log, opening: 0 })
    }

    fn origin(&self, gid: &Gid) -> Origin {
        self.lineages.origin(gid, self.epoch)
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
        let mut shared = self.shared();
        shared.ledger.forget(key);
        shared.forgets.push(key);
        Ok(())
    }

    fn has_ended(&self, up_to: &Gid) {
        if let Ok(key) = self.key(up_to) {
            self.shared().ledger.has_ended(key);
        }
    }

    /// As the trait has it.
    async fn flush(&self) -> Result<(), LogError> {
        let flush = async {
            let mut writer = self.writer.lock().await;
            while !self.shared().forgets.is_empty() {
                self.write_batch(&mut writer).await?;
            }
            Ok(())
        };
        flush.await.map_err(|failure: Failure| failure.of_log(self.epoch))
    }

    /// As the trait has it.
    ///
    /// # Errors
    /// [`LogError::Unreadable`] also for a gid of another coordinator, and for one of a newer
    /// epoch: either would look absent, and thereby aborted, when the log cannot know.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything, unless it was repairing the file after a failed
    /// write; then the next call repairs it.
    async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        let key = self.key(gid)?;
        let answer = self.answer(Some(key), |ledger| ledger.entry(key)).await;
        answer.map_err(|failure| failure.of_log(self.epoch))
    }

    /// As the trait has it. A sweep asks this, so it takes along what was noted and would else wait
    /// for a force.
    ///
    /// # Cancel safety
    /// Dropping the future while it writes such notes has the file written anew by the next call.
    async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        self.take_notes_along().await;
        let answer = self.answer(None, Ledger::unfinished).await;
        answer.map_err(|failure| failure.of_log(self.epoch))
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
