//! What a user learns of a transaction: at its commit, and later by its gid.

use std::fmt;

use crate::gid::Gid;
use crate::participant::Refusal;
use crate::protocol::Ending;

/// How a commit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a commit can end as aborted or in doubt"]
pub enum Outcome {
    /// Committed, durably and for ever.
    Committed(Committed),
    /// Rolled back; a participant that could not be told yet will be, by recovery.
    Aborted(Aborted),
    /// Not known yet. Nothing is lost: recovery settles it, and
    /// [`Coordinator::status`](crate::Coordinator::status) tells how; if this coordinator has
    /// been fenced, that of its successor.
    InDoubt(InDoubt),
}

impl Outcome {
    /// The transaction's gid.
    pub fn gid(&self) -> &Gid {
        match self {
            Self::Committed(Committed { gid, .. })
            | Self::Aborted(Aborted { gid, .. })
            | Self::InDoubt(InDoubt { gid, .. }) => gid,
        }
    }

    /// Whether it is committed.
    pub const fn is_committed(&self) -> bool {
        matches!(self, Self::Committed(_))
    }

    /// Whether it is aborted.
    pub const fn is_aborted(&self) -> bool {
        matches!(self, Self::Aborted(_))
    }
}

/// A committed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The transaction.
    pub gid: Gid,
    /// Participants that have not acknowledged the commit yet. Those that it has not reached are
    /// prepared and hold their locks, until recovery finishes them.
    pub pending: Vec<String>,
    /// Participants where someone else rolled the branch back, or may have.
    pub heuristic: Vec<Heuristic>,
}

/// An aborted transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aborted {
    /// The transaction.
    pub gid: Gid,
    /// Why.
    pub reason: AbortReason,
    /// Participants where someone else committed the branch, or may have.
    pub heuristic: Vec<Heuristic>,
}

/// A transaction whose outcome is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InDoubt {
    /// The transaction.
    pub gid: Gid,
    /// What stands in the way.
    pub reason: String,
}

/// Why a transaction was aborted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AbortReason {
    /// The client asked for it.
    #[error("the client rolled back")]
    Requested,
    /// A newer coordinator owns the decision log, so this one could not have decided.
    #[error("a newer coordinator has opened the decision log: stop this one")]
    Fenced,
    /// A branch that was asked for, and not as an optional one, could not be had.
    #[error("{reason}: nothing was committed without the branch of {participant}")]
    Incomplete {
        /// The participant's name.
        participant: String,
        /// Why there is no branch of it.
        reason: String,
        /// Whether another attempt may well get one, as
        /// [`EnlistError::is_retryable`](crate::EnlistError::is_retryable) said.
        retryable: bool,
    },
    /// A participant voted no.
    #[error("{participant} voted no: {refusal}")]
    VotedNo {
        /// The participant's name.
        participant: String,
        /// Its reason.
        refusal: Refusal,
    },
    /// A participant's vote did not come.
    #[error("the vote of {participant} did not come: {reason}")]
    VoteLost {
        /// The participant's name.
        participant: String,
        /// What is known of why.
        reason: String,
    },
    /// The decision could not be written to the log, and is certain not to be in it; or the log
    /// was known to be broken, and nothing was prepared.
    #[error("the decision could not be logged: {reason}")]
    NotLogged {
        /// What failed.
        reason: String,
    },
}

impl AbortReason {
    /// Whether to try the whole transaction again makes sense, as it is: it lost against others,
    /// or against an outage that may be over. Nothing of this attempt is left to do twice.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::VotedNo { refusal, .. } => refusal.is_retryable(),
            Self::Incomplete { retryable, .. } => *retryable,
            Self::VoteLost { .. } | Self::NotLogged { .. } => true,
            Self::Requested | Self::Fenced => false,
        }
    }

    /// The database's own code for why it refused, if it did: an SQLSTATE of five characters.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::VotedNo { refusal, .. } => refusal.sqlstate(),
            Self::Requested
            | Self::Fenced
            | Self::Incomplete { .. }
            | Self::VoteLost { .. }
            | Self::NotLogged { .. } => None,
        }
    }
}

/// A branch that was ended by someone else: a heuristic decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heuristic {
    /// The transaction.
    pub gid: Gid,
    /// The participant's name.
    pub participant: String,
    /// [`Ending::Heuristic`] if it contradicts the decision, [`Ending::Untold`] if it may.
    pub ending: Ending,
}

impl fmt::Display for Heuristic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.ending {
            Ending::AsDecided | Ending::Earlier => "ended as decided",
            Ending::Heuristic => "was ended by someone else, against the decision",
            Ending::Untold => "is gone, and the participant cannot say how it ended",
        };
        write!(f, "the branch of {} at {} {what}", self.gid, self.participant)
    }
}

/// What a coordinator says of a gid when asked later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Live at this coordinator and not decided, or its decision is not known yet; also one that
    /// nobody can know, of one participant that has lost track of it.
    Undecided,
    /// Committed.
    Committed,
    /// No decision to commit exists, and none can come: wherever two or more participants
    /// wrote, every branch is rolled back, or will be (presumed abort).
    ///
    /// Of a transaction that needed no decision, because it had one participant or only read,
    /// this says nothing once the coordinator has restarted: such a commit is noted without
    /// being forced. Nor does it if the log refused the note, which the file log does only when
    /// it is fenced, and then it answers nobody.
    PresumedAborted,
    /// It ended before what the log remembers.
    Expired,
}
