//! What the clients of a run do, and what is in the databases before they do it.

mod client;
mod job;
mod mood;
mod plan;

use indoubt::Participant;

use crate::scenario::Scenario;

pub use client::{Client, ask, commit, sweep, watch};
pub use job::{GaveUp, Job};
pub use plan::Planned;

/// What a run's transactions do at participants of a type.
///
/// How clients go about it, how many there are, when they give up and whom they ask, is the
/// scenario's.
pub trait Workload<P: Participant>: Clone + Send + Sync + 'static {
    /// The rows that a participant has before the run.
    fn seeded(&self, _scenario: &Scenario, _p: u8) -> Vec<(u64, i64)> {
        Vec::new()
    }

    /// Whether each transaction leaves a marker among the rows wherever it writes, as those of
    /// [`Planned`] do. Only then do the invariants that ship look at rows; they are in the history
    /// in any case.
    fn marks(&self) -> bool {
        false
    }

    /// Does the work of one transaction, up to where the client asks to commit. It depends on the
    /// job, and on nothing else.
    ///
    /// # Errors
    /// [`GaveUp`]: the client rolls back, or just drops the transaction.
    fn transact(&self, job: &Job<'_, P>) -> impl Future<Output = Result<(), GaveUp>> + Send;
}
