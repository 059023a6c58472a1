//! What passes at a coordinator's edges: what it asks, what it hears, what it reads.
//!
//! These say what a coordinator could know at a moment, where the other events say what is true
//! elsewhere. Payloads, receipts and reasons are absent.

use std::fmt;

use indoubt::{Decision, Ending, OnePhase, OnePhaseVote, Vote};
use serde::{Deserialize, Serialize};

/// Something that a coordinator asks of a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// To prepare.
    Prepare,
    /// To commit without a prepare.
    OnePhase,
    /// How a commit without a prepare ended.
    Inquire,
    /// To commit, of a transaction that it drives.
    Commit,
    /// To roll back, of a transaction that it drives.
    Abort,
    /// To commit, in recovery.
    RecoverCommit,
    /// To roll back, in recovery.
    RecoverAbort,
}

/// A kind of message between a coordinator and a participant, as faults of messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// A request to prepare.
    Prepare,
    /// A request to commit without a prepare.
    OnePhase,
    /// A request to commit what is prepared.
    Commit,
    /// A request to roll back.
    Abort,
    /// A request for what is prepared: a sweep of recovery.
    List,
    /// A vote.
    Vote,
    /// The answer to a commit without a prepare, or to a question about one.
    OnePhaseAnswer,
    /// The answer to a commit or a rollback.
    Acknowledgement,
    /// Anything else: the work of a transaction, and what is about it.
    Other,
}

impl Word {
    /// That of a request to end a branch so.
    pub const fn to(decision: Decision) -> Self {
        match decision {
            Decision::Commit => Self::Commit,
            Decision::Abort => Self::Abort,
        }
    }
}

impl Ask {
    /// To end a branch so, of a transaction that it drives.
    pub(crate) const fn to(decision: Decision) -> Self {
        match decision {
            Decision::Commit => Self::Commit,
            Decision::Abort => Self::Abort,
        }
    }

    /// To end a branch so, in recovery.
    pub(crate) const fn to_recover(decision: Decision) -> Self {
        match decision {
            Decision::Commit => Self::RecoverCommit,
            Decision::Abort => Self::RecoverAbort,
        }
    }

    /// Which end of a branch it asks for, if it asks for one.
    pub(crate) const fn decision(self) -> Option<Decision> {
        match self {
            Self::Commit | Self::RecoverCommit => Some(Decision::Commit),
            Self::Abort | Self::RecoverAbort => Some(Decision::Abort),
            Self::Prepare | Self::OnePhase | Self::Inquire => None,
        }
    }

    /// Whether recovery asks it, and not the transaction's own machine.
    pub const fn by_recovery(self) -> bool {
        matches!(self, Self::RecoverCommit | Self::RecoverAbort)
    }
}

/// What a coordinator hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// A vote of yes.
    Yes,
    /// A vote of read-only.
    ReadOnly,
    /// A vote of no.
    No,
    /// Committed in one phase.
    Committed,
    /// Not committed in one phase.
    RolledBack,
    /// It cannot be said yet.
    Unknown,
    /// The branch has ended as decided.
    AsDecided,
    /// The branch was ended otherwise by someone else.
    Heuristic,
    /// The branch is gone, and how it ended can no longer be said.
    Untold,
    /// A refusal: nothing was done, and nothing is known.
    Lost,
}

impl Heard {
    /// How a branch has voted.
    pub(crate) const fn vote(vote: &Vote) -> Self {
        match vote {
            Vote::Yes(_) => Self::Yes,
            Vote::ReadOnly => Self::ReadOnly,
            Vote::No(_) => Self::No,
        }
    }

    /// How a commit without a prepare came out.
    pub(crate) const fn vote_alone(vote: &OnePhaseVote) -> Self {
        match vote {
            OnePhaseVote::Committed => Self::Committed,
            OnePhaseVote::RolledBack(_) => Self::RolledBack,
        }
    }

    /// How a branch is said to have ended.
    pub(crate) const fn end(ending: Ending) -> Self {
        match ending {
            Ending::AsDecided | Ending::Earlier => Self::AsDecided,
            Ending::Heuristic => Self::Heuristic,
            Ending::Untold => Self::Untold,
        }
    }

    /// How a commit without a prepare is said to have ended.
    pub(crate) const fn alone(end: OnePhase) -> Self {
        match end {
            OnePhase::Committed => Self::Committed,
            OnePhase::RolledBack => Self::RolledBack,
            OnePhase::Unknown => Self::Unknown,
            OnePhase::Untold => Self::Untold,
        }
    }
}

/// What reading the log for one transaction gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// Decided to commit, not known to be finished.
    Unfinished,
    /// Committed and finished.
    Finished,
    /// No decision.
    Absent,
    /// No longer remembered.
    Expired,
    /// The log could not be read.
    Unreadable,
    /// A newer opening owns the log.
    Fenced,
    /// The reader stopped waiting.
    GivenUp,
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prepare => "to prepare",
            Self::OnePhase => "to commit in one phase",
            Self::Inquire => "how it ended",
            Self::Commit => "to commit",
            Self::Abort => "to roll back",
            Self::RecoverCommit => "to commit, recovering",
            Self::RecoverAbort => "to roll back, recovering",
        })
    }
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yes => "yes",
            Self::ReadOnly => "read-only",
            Self::No => "no",
            Self::Committed => "committed",
            Self::RolledBack => "rolled back",
            Self::Unknown => "not known yet",
            Self::AsDecided => "as decided",
            Self::Heuristic => "ended otherwise by someone else",
            Self::Untold => "gone, nobody knows how",
            Self::Lost => "it could not be done",
        })
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unfinished => "decided to commit",
            Self::Finished => "committed and finished",
            Self::Absent => "no decision",
            Self::Expired => "no longer remembered",
            Self::Unreadable => "unreadable",
            Self::Fenced => "fenced",
            Self::GivenUp => "nothing in time",
        })
    }
}
