//! What coordinators and participants say to each other.

use indoubt::{BranchGid, Decision, Ending, OnePhase};
use serde::{Deserialize, Serialize};

use crate::history::Word;
use crate::net::Spoken;
use crate::parts::{Op, WorkRefused};
use crate::rpc;

/// The participant's own number of a transaction, never used twice: the number of its
/// server's start, then a count. It names the session as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Xid(pub u64);

/// A request or a reply.
pub type Message = rpc::Message<Request, Reply>;

/// What is asked of a participant.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "as the methods of `indoubt::Participant`")]
pub enum Request {
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

/// What it replies.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "as the answers of `indoubt::Participant`")]
pub enum Reply {
    Begun(Xid),
    Value(Option<i64>),
    Refused(WorkRefused),
    Yes,
    ReadOnly,
    No,
    OnePhase(OnePhase),
    Ended(Ending),
    /// Someone is at work on the branch; how it ends is open.
    Busy,
    Prepared(Vec<String>),
}

impl Spoken for Request {
    fn word(&self) -> Word {
        match self {
            Self::Prepare { .. } => Word::Prepare,
            Self::CommitOnePhase { .. } => Word::OnePhase,
            Self::Finish { decision, .. } | Self::Resolve { decision, .. } => Word::to(*decision),
            Self::List => Word::List,
            Self::Begin { .. } | Self::Work { .. } | Self::Inquire { .. } => Word::Other,
        }
    }
}

impl Spoken for Reply {
    fn word(&self) -> Word {
        match self {
            Self::Yes | Self::ReadOnly | Self::No => Word::Vote,
            Self::OnePhase(_) => Word::OnePhaseAnswer,
            Self::Ended(_) | Self::Busy => Word::Acknowledgement,
            Self::Begun(_) | Self::Value(_) | Self::Refused(_) | Self::Prepared(_) => Word::Other,
        }
    }
}
