//! Savepoints: what a transaction goes back to.

use crate::catalog::settings::Settings;

/// A savepoint, and where everything stood when it was set.
#[derive(Debug)]
pub(crate) struct Sub {
    pub(crate) name: String,
    /// The id of what was done since, once it needed one.
    pub(crate) xid: Option<u64>,
    pub(crate) changes: usize,
    pub(crate) locks: usize,
    pub(crate) pending: usize,
    pub(crate) listens: usize,
    pub(crate) notifies: usize,
    /// What was set, which a rollback restores.
    pub(crate) settings: Settings,
}
