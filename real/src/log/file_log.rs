//! The opened log: its promises as [`DecisionLog`], by way of a ledger and a journal.
//!
//! Everything that must be in order is done in turns of the writer (`turn`). Reads do not, as long as all
//! is well: traffic that never pauses takes one turn after the other, and an
//! answer depends on the writer only in the cases that `state` tells. Absent: what a turn
//! does (`write`) and how a log comes to be open (`open`).

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use futures::channel::oneshot;
use futures::future::{Either, select};
use indoubt::{
    Commit, CoordinatorId, DecisionLog, Entry, ForceError, Gid, Lineage, LogError, Origin,
};

use super::core::{Core, Force};
use super::failure::Failure;
use super::key::Key;
use super::ledger::Ledger;
use super::record;
use super::state::Depends;
use super::storage::Storage;
use super::turn::{Task, Turns};

/// Notes that wait for a force to take them along; with one more the next sweep does.
const NOTES_HELD: usize = 256;

/// A decision log in the files of one directory.
///
/// Dropping it releases the directory. What [`forget`](DecisionLog::forget) noted last is then
/// lost, unless [`flush`](DecisionLog::flush) came before.
pub struct FileLog<S: Storage> {
    /// Before the core: a turn that nobody has ended is dropped with the log, and holds it no longer.
    pub(super) turns: Turns,
    pub(super) core: Arc<Core<S>>,
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
                let mut shared = self.core.shared();
                // A force that was dropped while it was queued must not land after the answer;
                // it is in no file yet.
                shared.forces.retain(|force| !force.answer.is_canceled());
                shared.state.depends(on)
            };
            if let Depends::Writer(over) = depends {
                // Whoever was at it may have been dropped, and then it is for this call to end it.
                if let Either::Right((mut turn, _)) =
                    select(over, pin!(self.turns.next(&self.core))).await
                {
                    turn.take(Task::Repair).await?;
                }
                continue;
            }
            let answer = of(&self.core.shared().ledger);
            if self.core.look_for_successor().await? {
                return Ok(answer);
            }
            self.turns.next(&self.core).await.take(Task::BringBack).await?;
        }
    }

    /// Unless somebody is writing anyway: ends a turn that was left in its middle, so that nothing
    /// of it lands after a list that lacks it, and takes along what was noted and no force has
    /// taken.
    async fn take_notes_along(&self) {
        if let Some(mut turn) = self.turns.next_if_free(&self.core).await
            && self.core.shared().forgets.len() > NOTES_HELD
        {
            // They stay noted, and the next one takes them.
            let _ = turn.take(Task::Batch).await;
        }
    }

    fn key(&self, gid: &Gid) -> Result<Key, LogError> {
        if gid.coordinator != self.core.coordinator {
            let reason = format!(
                "{gid} is not of coordinator {}: ask the log of its own coordinator",
                self.core.coordinator
            );
            return Err(LogError::Unreadable { reason });
        }
        let unreadable = |reason| Err(LogError::Unreadable { reason });
        match self.core.lineages.origin(gid, self.core.epoch) {
            Origin::Own => Ok(Key::of(gid)),
            Origin::Newer => unreadable(format!(
                "{gid} is of an epoch that this log has not reached (it is at {}): if the log's directory was \
                 restored from a copy, bring the latest one back",
                self.core.epoch
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
}

impl<S: Storage> DecisionLog for FileLog<S> {
    fn coordinator(&self) -> &CoordinatorId {
        &self.core.coordinator
    }

    fn epoch(&self) -> u64 {
        self.core.epoch
    }

    fn lineage(&self) -> Lineage {
        // An opening knows itself.
        self.core
            .lineages
            .of(self.core.epoch)
            .unwrap_or(Lineage { log: self.core.lineages.log, opening: 0 })
    }

    fn origin(&self, gid: &Gid) -> Origin {
        self.core.lineages.origin(gid, self.core.epoch)
    }

    /// As the trait has it. When several forces wait, one of them writes for all. A fenced decision may have been read by the successor all the same, as any unknown one.
    /// A commit that no later opening could read as this log's is [`ForceError::Unknown`] too,
    /// though it is known not to have been written.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything: the next call of the log ends what it was
    /// writing. Until then the outcome is unknown, and a [`read`](Self::read) settles it.
    async fn force(&self, commit: &Arc<Commit>) -> Result<(), ForceError> {
        let unwritten = |reason| ForceError::Unknown { reason };
        let key = self.key(&commit.gid).map_err(|error| unwritten(error.to_string()))?;
        if let Err(error) = record::check(commit) {
            self.core.shared().ledger.force_failed(key);
            return Err(unwritten(error.to_string()));
        }
        let (answer, mut answered) = oneshot::channel();
        self.core.shared().forces.push_back(Force { commit: Arc::clone(commit), answer });
        let mut turn = match select(&mut answered, pin!(self.turns.next(&self.core))).await {
            Either::Left((answer, _)) => return answer.unwrap_or_else(|_| Err(interrupted())),
            Either::Right((turn, _)) => turn,
        };
        loop {
            match answered.try_recv() {
                Ok(Some(answer)) => return answer,
                Err(oneshot::Canceled) => return Err(interrupted()),
                // The answers go out with the batch; its failure is ours only if ours was in it.
                Ok(None) => drop(turn.take(Task::Batch).await),
            }
        }
    }

    /// As the trait has it. It is written with the next force; a crash of the process before
    /// that loses it.
    ///
    /// # Errors
    /// [`LogError::Unreadable`] also for a gid of another coordinator or a newer epoch.
    async fn forget(&self, gid: &Gid) -> Result<(), LogError> {
        if self.core.is_fenced() {
            return Err(Failure::Fenced.of_log(self.core.epoch));
        }
        let key = self.key(gid)?;
        let mut shared = self.core.shared();
        shared.ledger.forget(key);
        shared.forgets.push(key);
        Ok(())
    }

    fn has_ended(&self, up_to: &Gid) {
        if let Ok(key) = self.key(up_to) {
            self.core.shared().ledger.has_ended(key);
        }
    }

    /// As the trait has it.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; what it was writing is ended by the next call.
    async fn flush(&self) -> Result<(), LogError> {
        let flush = async {
            let mut turn = self.turns.next(&self.core).await;
            while !self.core.shared().forgets.is_empty() {
                turn.take(Task::Batch).await?;
            }
            Ok(())
        };
        flush.await.map_err(|failure: Failure| failure.of_log(self.core.epoch))
    }

    /// As the trait has it.
    ///
    /// # Errors
    /// [`LogError::Unreadable`] also for a gid of another coordinator, and for one of a newer
    /// epoch: either would look absent, and thereby aborted, when the log cannot know.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything: a repair that it was at is ended by the next call
    /// that needs it.
    async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        let key = self.key(gid)?;
        let answer = self.answer(Some(key), |ledger| ledger.entry(key)).await;
        answer.map_err(|failure| failure.of_log(self.core.epoch))
    }

    /// As the trait has it. A sweep asks this, so it takes along what was noted and would else wait
    /// for a force.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything: notes that it was writing are on their way, and
    /// the next call that writes ends that.
    async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        self.take_notes_along().await;
        let answer = self.answer(None, Ledger::unfinished).await;
        answer.map_err(|failure| failure.of_log(self.core.epoch))
    }
}

impl<S: Storage> fmt::Debug for FileLog<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileLog")
            .field("coordinator", &self.core.coordinator)
            .field("epoch", &self.core.epoch)
            .finish_non_exhaustive()
    }
}

fn interrupted() -> ForceError {
    ForceError::Unknown { reason: "the force that wrote for several was dropped".to_owned() }
}
