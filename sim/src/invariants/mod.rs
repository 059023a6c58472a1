//! What must hold, of a simulated run and of an explored state.
//!
//! A claim on one transaction is defined once, as a function of what is known of it
//! ([`claims`] over [`Known`]), and both judges ask it: the explorer of every state that it
//! reaches, and [`verdict`] of every moment of a history.
//!
//! The others need more than what is known of one transaction, and each world has its own
//! judge for them. Those of a history are in [`runs`]: `termination` is its bound of time,
//! `durability` goes by openings of the log and by rows, `no_orphans` also by locks and sessions,
//! `ownership` by the branches of others, `idempotence` counts endings, and `conservation` adds
//! up rows. How a run went is judged apart: `bounded_wait` reads clocks, `honest_reports` and
//! `stated_cost` what a coordinator says and what it asks for, `drained` what a driver that ends
//! leaves. Of all these the explorer has no rows, no locks, no foreign gids, no reports and no time:
//! there
//! `termination` is that a machine has something to wait for, `durability` that an opening
//! keeps what it finds, `ownership` that no newer epoch is resolved, and `idempotence` is
//! stability while requests arrive twice. `no_panic` and `as_explored` are what the history says of
//! the run itself.
//!
//! A judge of a history reads only the history; if it needs to know something, the history
//! must say it.

mod breach;
pub mod claims;
mod conservation;
mod costs;
mod drained;
mod facts;
mod failover;
mod fenced;
mod invariant;
mod known;
mod prepared;
mod reports;
pub mod runs;
#[cfg(test)]
mod tests;
mod waits;

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub use breach::{Breach, Judged};
pub use facts::{Facts, Opening, TxFacts};
pub use invariant::Invariant;
pub use known::{Answered, Claimed, Decided, Known, Left, Outcomes, Participants};

use crate::history::History;

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The invariant.
    pub invariant: Invariant,
    /// What broke it.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// A claim on a whole history that somebody makes beside the invariants: an invariant of one's own,
/// or whether the explorer allows what happened.
#[derive(Clone)]
pub struct Claim {
    invariant: Invariant,
    holds: Arc<Holds>,
}

/// Says what breaks a claim.
type Holds = dyn Fn(&History) -> Result<(), String> + Send + Sync;

impl Claim {
    /// This claim: `holds` says what breaks it.
    pub fn new(
        invariant: Invariant,
        holds: impl Fn(&History) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self { invariant, holds: Arc::new(holds) }
    }

    /// What breaks it in a history. One that panics is broken by that.
    fn ask(&self, history: &History) -> Result<(), String> {
        let asked = catch_unwind(AssertUnwindSafe(|| (self.holds)(history)));
        asked.unwrap_or_else(|panic| Err(format!("the claim panics: {}", words(&*panic))))
    }

    /// What is claimed.
    pub const fn invariant(&self) -> Invariant {
        self.invariant
    }
}

/// What a panic said.
pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// A claim on the course of a run: `Err` says what broke it.
type OfCourse = fn(&History) -> Result<(), String>;

/// What is claimed of how a run went, rather than of where it led: each is asked of all that happened.
const OF_COURSES: &[(Invariant, OfCourse)] = &[
    (Invariant::BoundedWait, waits::bounded_wait),
    (Invariant::HonestReports, reports::honest_reports),
    (Invariant::StatedCost, costs::stated_cost),
    (Invariant::Drained, drained::drained),
    (Invariant::Stability, fenced::stays_ended),
];

/// What breaks a claim on the course of a run, if it is one.
pub(crate) fn of_course(invariant: Invariant, history: &History) -> Option<String> {
    let (_, holds) = OF_COURSES.iter().find(|(one, _)| *one == invariant)?;
    holds(history).err()
}

/// The verdict on a history: every invariant that it breaks, and every further claim.
///
/// Of a run that was ended by a panic nothing is asked that needs its end.
pub fn verdict(history: &History, claims: &[Claim]) -> Vec<Violation> {
    let facts = Facts::of(history);
    let mut broken = facts.broken.clone();
    let whole = facts.panic.is_none();
    if let Some(what) = facts.panic {
        broken.insert(Invariant::NoPanic, what.to_owned());
    }
    if let Some(what) = facts.disagreement {
        broken.insert(Invariant::AsExplored, what.to_owned());
    }
    for (invariant, holds) in runs::ALL.iter().filter(|_| whole) {
        if let Err(what) = holds(&facts) {
            broken.entry(*invariant).or_insert(what);
        }
    }
    for (invariant, holds) in OF_COURSES.iter().filter(|_| whole) {
        if let Err(what) = holds(history) {
            broken.insert(*invariant, what);
        }
    }
    for claim in claims.iter().filter(|_| whole) {
        if let Err(what) = claim.ask(history) {
            broken.entry(claim.invariant).or_insert(what);
        }
    }
    broken.into_iter().map(|(invariant, what)| Violation { invariant, what }).collect()
}
