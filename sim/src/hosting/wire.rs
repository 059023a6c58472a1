//! What a coordinator's process and a hosted participant's node say to each other.

use indoubt::{BranchGid, Decision, Ending, OnePhase, OnePhaseVote, Receipt, Vote};

use crate::history::Word;
use crate::net::Spoken;
use crate::parts::WorkRefused;
use crate::rpc;

/// A request or a reply.
pub type Message<O> = rpc::Message<Request<O>, Reply>;

/// A session of the node: never used twice.
pub(super) type SessionId = u64;

/// What is asked of the node.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "as the methods of `indoubt::Participant`")]
pub enum Request<O> {
    Begin {
        gid: BranchGid,
    },
    /// The `step`-th of its session.
    Work {
        session: SessionId,
        step: u32,
        op: O,
    },
    Prepare {
        session: SessionId,
        gid: BranchGid,
    },
    CommitOnePhase {
        session: SessionId,
        gid: BranchGid,
    },
    Inquire {
        session: SessionId,
        gid: BranchGid,
    },
    Finish {
        session: SessionId,
        gid: BranchGid,
        decision: Decision,
    },
    Resolve {
        gid: BranchGid,
        decision: Decision,
        receipt: Receipt,
    },
    List,
}

/// What it replies.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "as the answers of `indoubt::Participant`")]
pub enum Reply {
    Begun(SessionId),
    NotBegun(String),
    Worked(Result<Option<i64>, WorkRefused>),
    Voted(Vote),
    OnePhaseVoted(OnePhaseVote),
    OnePhase(OnePhase),
    Ended(Ending),
    Prepared(Vec<BranchGid>),
    /// The participant does not know, and says why.
    Lost(String),
}

impl<O> Spoken for Request<O> {
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
            Self::Voted(_) => Word::Vote,
            Self::OnePhaseVoted(_) | Self::OnePhase(_) => Word::OnePhaseAnswer,
            Self::Ended(_) => Word::Acknowledgement,
            Self::Begun(_)
            | Self::NotBegun(_)
            | Self::Worked(_)
            | Self::Prepared(_)
            | Self::Lost(_) => Word::Other,
        }
    }
}
