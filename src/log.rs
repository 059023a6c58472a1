//! The decision log: the one place where a commit becomes a fact.
//!
//! Under presumed abort only commits are written, and only they are forced; a gid that is
//! not in the log is aborted. That makes an empty log a strong statement, so an implementor
//! never gives an empty answer for a log that it could not read.
//!
//! A value of this trait is an *opened* log. Opening takes a new epoch, and from then on
//! every force under an older epoch must fail as fenced.

use std::future::Future;
use std::sync::Arc;

use crate::gid::{CoordinatorId, Gid, Lineage};
use crate::participant::Receipt;
use crate::protocol::BranchId;

/// The decision to commit one transaction, as logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The transaction.
    pub gid: Gid,
    /// Every branch that voted yes, in ascending order of branch. Read-only ones have ended.
    pub branches: Vec<LoggedBranch>,
}

/// A branch that a commit decision obliges the coordinator to finish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedBranch {
    /// Which branch of the transaction.
    pub branch: BranchId,
    /// The participant's name.
    pub participant: Arc<str>,
    /// What the participant's yes carried.
    pub receipt: Receipt,
}

/// What the log says of a gid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Decided to commit; not yet known to have finished everywhere.
    Unfinished(Arc<Commit>),
    /// Committed and finished everywhere.
    Finished,
    /// No commit decision was made.
    Absent,
    /// Not unfinished; whether it was ever committed is older than what the log remembers. A
    /// branch that is found prepared all the same has come back, and is left to an operator:
    /// presuming its abort could take back what was answered committed. So a log says this only of
    /// what [has ended](DecisionLog::has_ended), or every branch that nobody could reach for a
    /// while would be left.
    Expired,
}

/// Whose a gid is that carries the coordinator's id, as far as its log can tell.
///
/// The id alone tells nothing: a second replica may have been given the same one, a volume may
/// have been lost, a copy restored. To end a branch of another log is to tear a transaction apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Of this opening of the log, or of an earlier one that it knows.
    Own,
    /// Of an epoch above this opening's: of a successor, if the log is fenced; else of an opening
    /// that this copy of the log never saw.
    Newer,
    /// Of an opening of this log that this copy of it never saw, or saw differently: the log was
    /// restored from a copy.
    OtherOpening,
    /// Of another log under the same coordinator id.
    OtherLog,
}

/// An opened, append-only store of commit decisions.
pub trait DecisionLog: Send + Sync + 'static {
    /// Whose log it is.
    fn coordinator(&self) -> &CoordinatorId;

    /// The epoch that this opening took; above that of every earlier opening.
    fn epoch(&self) -> u64;

    /// The log's identity and this opening's: what the gids of this opening carry. Neither
    /// half is ever used again by another log or another opening.
    fn lineage(&self) -> Lineage;

    /// Whose a gid is. Asks nothing of any disk: what an opening knows of earlier ones it has
    /// read.
    fn origin(&self, gid: &Gid) -> Origin;

    /// Writes a decision and forces it to stable storage.
    ///
    /// # Durability
    /// After `Ok` every later opening finds the decision, whatever crashes, until it is
    /// forgotten.
    ///
    /// # Errors
    /// [`ForceError::Fenced`] when a newer epoch exists. Anything else is
    /// [`ForceError::Unknown`]: it may have been written all the same. A [`read`](Self::read)
    /// then settles it.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the outcome unknown; the driver never does.
    fn force(&self, commit: &Arc<Commit>) -> impl Future<Output = Result<(), ForceError>> + Send;

    /// Notes that a commit is finished everywhere. Lazy: it may be lost in a crash, which
    /// costs a recovery nothing but repeating itself, and must not wait for a disk if it can be
    /// helped, since a client's answer waits for it. Of a gid that was never forced (a
    /// one-phase commit) it remembers the outcome for [`read`](Self::read).
    fn forget(&self, gid: &Gid) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Every transaction up to this one has ended, of this opening and of earlier ones: a sweep
    /// that reached every participant found none of their branches prepared. From now on, and not
    /// before, the log may let go of whether they were committed. Asks nothing of any disk; after
    /// another opening nothing is known of it.
    fn has_ended(&self, up_to: &Gid) {
        let _ = up_to;
    }

    /// Makes what was noted lazily durable, for a clean end. A log that notes nothing lazily
    /// has nothing to do.
    ///
    /// # Errors
    /// [`LogError`] when it may not be durable.
    fn flush(&self) -> impl Future<Output = Result<(), LogError>> + Send {
        async { Ok(()) }
    }

    /// What the log says of a gid.
    ///
    /// # Durability
    /// The answer is final with respect to forces that have returned: after `Absent`, a force
    /// that failed earlier can no longer land; after `Unfinished`, the decision is durable. Of
    /// a commit whose force failed under this opening the answer is never `Expired`, unless a
    /// newer one has finished and forgotten it.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot say.
    fn read(&self, gid: &Gid) -> impl Future<Output = Result<Entry, LogError>> + Send;

    /// The commits that are not known to have finished, in the order of their gids.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot say.
    fn unfinished(&self) -> impl Future<Output = Result<Vec<Arc<Commit>>, LogError>> + Send;
}

impl<L: DecisionLog> DecisionLog for Arc<L> {
    fn coordinator(&self) -> &CoordinatorId {
        (**self).coordinator()
    }

    fn epoch(&self) -> u64 {
        (**self).epoch()
    }

    fn lineage(&self) -> Lineage {
        (**self).lineage()
    }

    fn origin(&self, gid: &Gid) -> Origin {
        (**self).origin(gid)
    }

    fn force(&self, commit: &Arc<Commit>) -> impl Future<Output = Result<(), ForceError>> + Send {
        (**self).force(commit)
    }

    fn forget(&self, gid: &Gid) -> impl Future<Output = Result<(), LogError>> + Send {
        (**self).forget(gid)
    }

    fn has_ended(&self, up_to: &Gid) {
        (**self).has_ended(up_to);
    }

    fn flush(&self) -> impl Future<Output = Result<(), LogError>> + Send {
        (**self).flush()
    }

    fn read(&self, gid: &Gid) -> impl Future<Output = Result<Entry, LogError>> + Send {
        (**self).read(gid)
    }

    fn unfinished(&self) -> impl Future<Output = Result<Vec<Arc<Commit>>, LogError>> + Send {
        (**self).unfinished()
    }
}

/// A decision was not acknowledged as written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForceError {
    /// Another coordinator has opened the log since.
    #[error(
        "epoch {epoch} is fenced: a newer coordinator has opened the decision log; stop this one"
    )]
    Fenced {
        /// This opening's epoch.
        epoch: u64,
    },
    /// The write or its sync failed.
    #[error("it is unknown whether the decision was written: {reason}")]
    Unknown {
        /// What failed.
        reason: String,
    },
}

/// The log could not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Another coordinator has opened the log since.
    #[error(
        "epoch {epoch} is fenced: a newer coordinator has opened the decision log; stop this one"
    )]
    Fenced {
        /// This opening's epoch.
        epoch: u64,
    },
    /// The log cannot be read now.
    #[error("the decision log cannot be read: {reason}")]
    Unreadable {
        /// What failed.
        reason: String,
    },
}
