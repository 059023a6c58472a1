//! What came of carrying an order over.

use std::fmt;

use crate::story::Action;

/// How far a run followed its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// To its end, and after every action both worlds held the same.
    Through,
    /// Up to an action that the simulated world has no way to do. Nothing is wrong.
    NotPossible {
        /// Which action, counted from 1.
        step: usize,
        /// The action.
        action: Action,
        /// Why.
        why: Impossible,
    },
    /// Up to an action after which the worlds differ: one of the two is wrong.
    Disagreement {
        /// Which action, counted from 1.
        step: usize,
        /// The action.
        action: Action,
        /// What the explorer has.
        explored: String,
        /// What the simulator has.
        simulated: String,
    },
}

/// What explored worlds can do and the simulated one cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Impossible {
    /// The explorer lets every coordinator begin until a force or a reading tells it.
    #[error("a coordinator that knows that it is fenced begins nothing")]
    FencedBegins,
    /// The explorer lets a commit be refused for what its coordinator need not know.
    #[error(
        "a client of an order lacks no branch, and its coordinator knows of the log what it was told"
    )]
    Refused,
    /// The explorer lets a log tell the truth to whom it might as well tell that it is fenced.
    #[error("the file log tells a coordinator that has been succeeded only that it is fenced")]
    SucceededReads,
    /// The explorer has a note written by itself, or not at all.
    #[error("the file log writes a note of the end of one transaction with what it writes next")]
    NoteTakenAlong,
    /// The explorer has a log say what it will lose, and lose it while it goes on.
    #[error("the file log loses a note only with its process, and so knows nothing of this one")]
    NoteWithheld,
    /// The explorer forgets transactions in any order.
    #[error("the file log forgets the oldest transaction first")]
    ForgetsOldestFirst,
    /// The explorer lets a participant lose track of a branch that has ended.
    #[error("a simulated participant can tell for ever how a branch ended")]
    EvidenceKept,
    /// The order is a story of other rules than those that it is held against.
    #[error("the explorer says that this cannot happen, under the rules that it is asked for")]
    Untrue,
}

/// Why an order goes on no longer.
#[derive(Debug)]
pub(super) enum Stop {
    Impossible(Impossible),
    Disagreement { explored: String, simulated: String },
}

impl Stop {
    pub(super) fn differ(explored: impl Into<String>, simulated: impl Into<String>) -> Self {
        Self::Disagreement { explored: explored.into(), simulated: simulated.into() }
    }

    pub(super) fn at(self, step: usize, action: Action) -> Carried {
        match self {
            Self::Impossible(why) => Carried::NotPossible { step, action, why },
            Self::Disagreement { explored, simulated } => {
                Carried::Disagreement { step, action, explored, simulated }
            }
        }
    }
}

impl From<Impossible> for Stop {
    fn from(why: Impossible) -> Self {
        Self::Impossible(why)
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Through => f.write_str("the order was followed to its end"),
            Self::NotPossible { step, action, why } => {
                write!(f, "the order was followed up to step {step}, {action}: {why}")
            }
            Self::Disagreement { step, action, explored, simulated } => write!(
                f,
                "step {step}, {action}: the explorer has {explored}, the simulator {simulated}"
            ),
        }
    }
}
