//! Where a commit can be held.

/// A moment of a commit that has something written at two or more participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// Every branch is prepared, and nothing is decided: a crash here ends in an abort.
    Voted,
    /// The decision to commit is durable, and no participant has been told: a crash here ends in a
    /// commit.
    Decided,
}
