#![doc = include_str!("chapter.md")]

mod branches;
mod recovery;
mod terms;
#[cfg(test)]
mod tests;
mod transaction;

pub use branches::{BranchId, BranchSet, MAX_BRANCHES};
pub use recovery::{
    LogAnswer, Ownership, RecoveryEffect, RecoveryEffects, RecoveryInput, RecoveryMachine, Ruling,
    ruling,
};
pub use terms::{
    Answer, Ballot, Cause, Effect, ForceFailure, InLog, Input, Obstacle, OnePhase, Phase, Timer,
    TransactionEffects,
};
pub use transaction::TransactionMachine;

/// What a transaction's outcome shall be, everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// Every branch commits.
    Commit,
    /// Every branch rolls back.
    Abort,
}

/// How a branch turned out to have ended when it was told the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// The branch has durably ended as decided, and this was what ended it.
    AsDecided,
    /// The branch had durably ended as decided before. To the protocol the same; but who counts
    /// what was done does not count it.
    Earlier,
    /// The branch had durably ended the other way: someone else resolved it (a heuristic
    /// decision, X/Open XA section 2.3.3).
    Heuristic,
    /// The branch is gone, and the participant cannot say how it ended (a heuristic hazard).
    Untold,
}

impl Ending {
    /// Whether the branch has ended as decided, now or before.
    pub const fn is_as_decided(self) -> bool {
        matches!(self, Self::AsDecided | Self::Earlier)
    }
}

/// Why the decision log gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogFailure {
    /// A coordinator of a newer epoch owns the log.
    Fenced,
    /// The log could not be read; it may be readable later.
    Unreadable,
}
