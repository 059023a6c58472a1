//! The smallest scenario that still breaks what a given one breaks.
//!
//! What a fuzz finds is a crowd: faults that did nothing, transactions that went well, a network that
//! is bad for its own sake. Here things are left out or made weaker, one at a time, and what still
//! breaks the *same* invariant is kept: faults, transactions, clients, participants, then everything
//! that is not calm, then times. Passes over all of it alternate until nothing goes any more, or a
//! bound on the effort is reached. That is a number of runs and messages, and no time: so the result
//! is the same wherever it is sought.
//!
//! Faults are tied to events of the run on the way: what happens a moment after a decision still does
//! when the transactions before it are gone, and a time in milliseconds does not.
//!
//! Nothing here knows what a fault does. What a new kind has that can be weakened is said in
//! `faults`, and the places that it names in [`scenario`](crate::scenario).

mod alone;
mod calm;
mod ddmin;
mod faults;
mod file;
mod round;
mod search;
mod shrunk;
mod ties;
mod times;
mod work;

use crate::invariants::Claim;
use crate::scenario::Scenario;
use crate::world::Runs;

pub use ddmin::ddmin;
pub use file::{Unkept, keep};
pub use search::{Effort, Search};
pub use shrunk::Shrunk;

/// Each lessens one thing. Those that make most of the others cheaper come first.
const PASSES: [fn(&mut Search<'_, Scenario>); 9] = [
    work::begun,
    faults::fewer,
    calm::calmer,
    work::fewer_transactions,
    work::fewer_hands,
    alone::alone,
    faults::weaker,
    times::rounder,
    ties::to_events,
];

/// The smallest scenario found that breaks the invariant that this one breaks first; nothing if it
/// breaks none. Run like this, and asked these claims beside the invariants.
pub fn shrink(
    scenario: &Scenario,
    runs: &impl Runs,
    claims: &[Claim],
    effort: Effort,
) -> Option<Shrunk> {
    let mut run = |candidate: &Scenario| {
        candidate.check().ok().map(|()| runs.run_scenario(candidate, claims))
    };
    let mut search = Search::new(scenario, effort, &mut run)?;
    loop {
        let before = search.smallest().clone();
        for pass in PASSES {
            pass(&mut search);
        }
        if search.is_over() || *search.smallest() == before {
            return Some(search.finish(shrunk::extent));
        }
    }
}
