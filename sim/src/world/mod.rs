//! One run: a scenario brought to life on madsim's executor, from its first start to the end of
//! its history.
//!
//! Nodes and time are madsim's; the network and the disks are ours. A run has two halves:
//! under faults only safety is asked for; then everything is healed, and progress is demanded
//! within a bound and without another restart, for restarts can heal what hangs and hide it.

mod control;
mod coordinator;
mod cues;
mod ends;
mod faults;
mod flaps;
mod participant;
mod process;
mod rest;
mod rival;
mod run;
mod struck;
#[cfg(test)]
mod tests;

pub(crate) use control::{COORDINATORS, World, address, stranger};
pub(crate) use cues::of_event as sight_of;
pub(crate) use run::run_of;
pub use run::{Run, Runs, run_with};
pub use struck::FaultCounts;
