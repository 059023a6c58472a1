//! The words of a story: what can happen, in a system of what size, and what is then at a branch.
//!
//! Plain data. The explorer's stories are made of them, a run that follows one writes them into its
//! history, and both worlds are held against each other by them.

mod action;
mod branch;
mod size;

pub use action::{Action, Choice, From, LogReading, Refusal, Stray};
pub use branch::AtBranch;
pub use size::{
    MAX_COORDINATORS, MAX_FAULTS, MAX_PARTICIPANTS, MAX_TRANSACTIONS, OutOfRange, Size,
};
