//! One run: a scenario brought to life on madsim's executor, from its first start to the
//! verdict.
//!
//! Nodes and time are madsim's; the network and the disks are ours. A run has two halves:
//! under faults only safety is asked for; then everything is healed, and progress is demanded
//! within a bound and without another restart, for restarts can heal what hangs and hide it.

mod clock;
mod control;
mod coordinator;
mod faults;
mod ordered;
mod participant;
mod rest;
mod rival;
mod run;
mod seams;
mod watched;
mod witness;

pub use clock::{CoordinatorClock, SimClock, Timed};
pub(crate) use ordered::Desk;
pub use ordered::{Carried, Impossible};
pub use run::{FaultCounts, Run, run, run_beside, run_with};
pub use seams::{Seams, Shipped};
pub use watched::Watched;
pub use witness::Witness;
