//! What coordinators and participants say to each other.

use indoubt::{BranchGid, Decision, Ending, OnePhase};
use serde::{Deserialize, Serialize};

/// The participant's own number of a transaction, never used twice: the number of its
/// server's start, then a count. It names the session as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Xid(pub u64);

/// A request or a reply; a reply carries the id of its request.
#[derive(Clone, Debug)]
pub struct Message {
    pub(super) id: u64,
    pub(super) body: Body,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Request(Request),
    Reply(Reply),
}

/// Something a session does to a row. Rows that are not there are absent, not zero.
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

#[derive(Clone, Debug)]
pub(crate) enum Request {
    Begin {
        gid: BranchGid,
    },
    Work {
        xid: Xid,
        step: u32,
        op: Op,
    },
    Prepare {
        xid: Xid,
    },
    CommitOnePhase {
        xid: Xid,
    },
    Inquire {
        xid: Xid,
    },
    /// From the process that began the branch.
    Finish {
        xid: Xid,
        gid: BranchGid,
        decision: Decision,
    },
    /// From anyone who knows the gid. The xid is the receipt of the yes vote.
    Resolve {
        gid: BranchGid,
        decision: Decision,
        receipt: Option<Xid>,
    },
    List,
}

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Begun(Xid),
    Value(Option<i64>),
    Refused(Refusal),
    Yes,
    ReadOnly,
    No,
    OnePhase(OnePhase),
    Ended(Ending),
    /// Someone is at work on the branch; how it ends is open.
    Busy,
    Prepared(Vec<String>),
}

/// Why a piece of work was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another transaction holds the row.
    #[error("the row is locked by another transaction")]
    Locked,
    /// The row to insert exists.
    #[error("the row exists already")]
    Exists,
    /// The session is gone: it ended, or its server restarted.
    #[error("the session is gone")]
    NoSession,
}
