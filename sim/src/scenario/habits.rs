//! What clients do beside asking and waiting, as a scenario has it.

use serde::{Deserialize, Serialize};

/// What clients do beside asking and waiting, each in so many of 1000 transactions.
///
/// A future may be dropped at any await, and a user's own code may panic: the promises about
/// both are only worth something if it happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Habits {
    /// A branch is asked for, and the call is dropped while it may be under way; then it is asked
    /// for again.
    pub hasty_permille: u16,
    /// The client stops waiting for the answer to its commit.
    pub leave_permille: u16,
    /// Somebody asks by gid while the commit is under way, over and over, and drops every other
    /// question.
    pub ask_permille: u16,
    /// Somebody asks for a sweep of recovery, and may stop waiting for it.
    pub sweep_permille: u16,
    /// Somebody has recovery sweep again and again, with a pause of so many milliseconds, and reads
    /// what it reports; 0 is nobody.
    pub watch_ms: u64,
    /// The operator's alarm panics.
    pub alarm_panics: bool,
}
