//! What is at a branch, as both worlds can say it.

/// A branch as its participant has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AtBranch {
    /// In a session.
    Open,
    /// Prepared.
    Prepared,
    /// Durably committed.
    Committed {
        /// By someone who is not the coordinator.
        by_operator: bool,
    },
    /// Was prepared, and has durably rolled back.
    RolledBack {
        /// By someone who is not the coordinator.
        by_operator: bool,
    },
    /// Ended without a trace: it had only read, or was never prepared.
    NoTrace,
}
