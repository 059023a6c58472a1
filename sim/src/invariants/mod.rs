//! What must hold, each as a function of its own over the facts of one history.
//!
//! D is a transaction's durable decision, o its outcome at a participant. An invariant
//! reads only the history; if it needs to know something, the history must say it.

mod facts;
mod outcomes;
mod rest;
pub(crate) mod rows;

use std::fmt;

pub use facts::{Facts, TxFacts};
pub use outcomes::{
    agreement, client_truth, decision_before_effect, idempotence, non_triviality, stability,
    validity,
};
pub use rest::{
    durability, heuristics_reported, no_orphans, ownership, safe_forgetting, termination,
};
pub use rows::conservation;

use crate::history::History;

/// An invariant: `Err` says what broke it.
pub type Invariant = fn(&Facts<'_>) -> Result<(), String>;

/// Every invariant, by its name.
pub const ALL: &[(&str, Invariant)] = &[
    ("agreement", agreement),
    ("stability", stability),
    ("validity", validity),
    ("non_triviality", non_triviality),
    ("termination", termination),
    ("decision_before_effect", decision_before_effect),
    ("client_truth", client_truth),
    ("durability", durability),
    ("no_orphans", no_orphans),
    ("ownership", ownership),
    ("idempotence", idempotence),
    ("conservation", conservation),
    ("safe_forgetting", safe_forgetting),
    ("heuristics_reported", heuristics_reported),
];

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The invariant's name.
    pub invariant: &'static str,
    /// What broke it.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// The verdict on a history: every invariant that it breaks.
pub fn judge(history: &History) -> Vec<Violation> {
    let facts = Facts::of(history);
    let broken = |&(invariant, holds): &(&'static str, Invariant)| {
        holds(&facts).err().map(|what| Violation { invariant, what })
    };
    ALL.iter().filter_map(broken).collect()
}
