//! Work at a branch: what a workload asks of it.

use crate::edge::AttendedBranch;

/// A row, and what a session does to it. Rows that are not there are absent, not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Reads the row.
    Read {
        /// The row.
        key: u64,
    },
    /// Adds to the row. That the sum is not negative is checked at the prepare, like a
    /// deferred constraint.
    Add {
        /// The row.
        key: u64,
        /// What is added; may be negative.
        delta: i64,
    },
    /// Inserts the row, which must not exist.
    Insert {
        /// The row.
        key: u64,
        /// Its value.
        value: i64,
    },
}

/// A branch at which a client can work.
pub trait Works: Send + Sync {
    /// A piece of work; [`Op`] for the workloads of this crate.
    type Op: Send;

    /// Does one piece of work. It has no deadline of its own: bound it.
    ///
    /// # Errors
    /// [`WorkRefused`]; the branch can then only be rolled back.
    fn work(&self, op: Self::Op) -> impl Future<Output = Result<Option<i64>, WorkRefused>> + Send;
}

impl<B: Works> Works for AttendedBranch<B> {
    type Op = B::Op;

    fn work(&self, op: B::Op) -> impl Future<Output = Result<Option<i64>, WorkRefused>> + Send {
        (**self).work(op)
    }
}

/// Why a piece of work was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkRefused {
    /// Another transaction holds the row.
    #[error("the row is locked by another transaction")]
    Locked,
    /// The row to insert exists.
    #[error("the row exists already")]
    Exists,
    /// The session is gone: it ended, or its server restarted.
    #[error("the session is gone")]
    NoSession,
    /// For a reason of a participant of one's own.
    #[error("{0}")]
    Other(String),
}
