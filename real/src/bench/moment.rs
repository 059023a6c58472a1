//! Where a commit can be held.

/// A moment of a commit of two or more branches, of which at least one wrote. No other comes here:
/// one of a single branch commits without being prepared, and what has only read needs no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// Every branch that wrote is prepared, the others have ended, and nothing is decided: a crash
    /// here ends in an abort.
    Voted,
    /// The decision to commit is durable, and no participant has been told: a crash here ends in a
    /// commit.
    Decided,
}
