//! Exhaustive exploration: every interleaving of the shipped machines, up to a budget of faults.
//!
//! The machines are those that ship ([`indoubt::protocol`]); around them is an environment
//! that allows at least what the driver, the network, the participants and the log can do: a
//! network that loses, duplicates and reorders, participants and coordinators that crash, a
//! log whose force lands late, fails or is lost, a coordinator that takes over while the other
//! still runs, an operator's hand. Every state is judged by the simulator's own claims
//! ([`crate::invariants::claims`]), asked of what is known of a transaction in it.
//!
//! Read `state` for what a state is, `action` for what can happen, `rules` for where a
//! bug is planted, `search` for how it is explored, `inclusion` for why what is found here is
//! found of the simulator's world too.
//!
//! Absent are time, payloads, locks and the async driver itself: what that does with its
//! futures is the simulator's to test.

#![allow(
    clippy::cast_possible_truncation,
    reason = "states are packed into a few bits: every number in one is small by construction"
)]

mod automaton;
mod claim;
mod enabled;
mod inclusion;
mod judge;
mod log;
mod machines;
mod participant;
mod recovering;
mod rest;
mod retold;
mod rules;
mod search;
mod state;
mod step;
mod story;
mod symmetry;
mod system;
mod threads;
mod tidy;
mod view;
mod visited;
mod walk;

pub use automaton::Untabulated;
pub use claim::{Reached, Sometimes};
pub use inclusion::{Followed, Inclusion, Strange};
pub use judge::JUDGED;
pub use retold::Retold;
pub use rules::{Rules, Shipped};
pub use search::{End, Found, Limits, Progress, search};
pub use state::State;
pub use story::{Story, Untrue};
pub use system::{After, Reduction, System, Unexplorable};
pub use view::{Calling, Logged, Waiting};
pub use walk::{Walked, Walks};

// A story's words, which are not the explorer's alone.
pub use crate::story::{
    Action, AtBranch, Choice, From, LogReading, MAX_COORDINATORS, MAX_FAULTS, MAX_PARTICIPANTS,
    MAX_TRANSACTIONS, OutOfRange, Refusal, Size, Stray,
};
