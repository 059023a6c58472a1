//! Trace inclusion: whatever a simulated run does, the explorer allows.
//!
//! The explorer says nothing about the async driver, the file log and the participants unless
//! its environment allows at least what they do. So the history of a run is followed, one
//! transaction at a time, through the explorer's own transition relation: after every event
//! there must be a state that the explorer can be in. What a history does not show, such as the
//! moment at which a decision reached the disk, is filled in with actions that the explorer
//! allows there ([`follow`]).
//!
//! Transactions meet in the explorer only where coordinators open the log and processes crash, so
//! following each by itself loses nothing. Absent is the budget of faults: a run has as many as
//! its scenario says.

mod calls;
mod candidate;
mod follow;
mod log;
mod places;

use std::collections::{BTreeMap, BTreeSet};

use super::rules::Shipped;
use super::system::{Reduction, System, Unexplorable};
use crate::history::{Entry, Event, History, Place, Tx};
use crate::invariants::{Claim, Invariant};
use crate::story::{Action, MAX_COORDINATORS, MAX_FAULTS, MAX_PARTICIPANTS, Size};
use candidate::Candidate;
use follow::{Scene, Thread};

/// The explorer's relation, for following histories of the shipped protocol through it.
pub struct Inclusion {
    /// By number of participants, from one.
    systems: Vec<System<Shipped>>,
}

/// A history that was followed to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Transactions that were followed.
    pub transactions: u64,
    /// Transactions that never had a branch, and so nothing to follow.
    pub without_branch: u64,
    /// Events that were explained.
    pub events: u64,
    /// How often the explorer's actions explained them, by kind of action, on one of the ways
    /// through.
    pub actions: BTreeMap<&'static str, u64>,
}

impl Followed {
    /// Adds what was followed of another history.
    pub fn add(&mut self, other: &Self) {
        self.transactions += other.transactions;
        self.without_branch += other.without_branch;
        self.events += other.events;
        for (kind, count) in &other.actions {
            *self.actions.entry(kind).or_default() += count;
        }
    }
}

/// A history that could not be followed to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Strange {
    /// Something happened that the explorer does not allow.
    #[error("the explorer does not allow: {entry}{}", told(.ways))]
    NotAllowed {
        /// What happened.
        entry: Entry,
        /// The ways of the explorer that explain all that came before, in its own words.
        ways: Vec<String>,
    },
    /// Something must have become durable, and was never seen.
    #[error("{tx}: something was durable and never seen{}", told(.ways))]
    Unseen {
        /// Of this transaction.
        tx: Tx,
        /// The ways that explain what was seen.
        ways: Vec<String>,
    },
    /// A transaction has more branches than an exploration can have.
    #[error("{tx} has {branches} branches: no more than {MAX_PARTICIPANTS} can be followed")]
    TooWide {
        /// The transaction.
        tx: Tx,
        /// How many it has.
        branches: usize,
    },
}

fn told(ways: &[String]) -> String {
    let told = |way: &String| format!("\none way to what was before it:\n{way}");
    ways.iter().map(told).collect::<Vec<_>>().concat()
}

impl Inclusion {
    /// The shipped protocol's relation.
    ///
    /// # Errors
    /// The machines no longer fit into an exploration.
    pub fn new() -> Result<Self, Unexplorable> {
        let system = |participants| {
            let size = Size::new(1, participants, MAX_COORDINATORS as u8, MAX_FAULTS);
            System::new(Shipped, size, Reduction::Plain)
        };
        Ok(Self { systems: (1..=MAX_PARTICIPANTS as u8).map(system).collect::<Result<_, _>>()? })
    }

    /// The claim that the explorer allows what a run does.
    pub fn claim(self) -> Claim {
        Claim::new(Invariant::AsExplored, move |history| {
            self.follow(history).map(drop).map_err(|strange| strange.to_string())
        })
    }

    /// Follows a history from its first event to its last.
    ///
    /// # Errors
    /// The first event that the explorer does not allow.
    pub fn follow(&self, history: &History) -> Result<Followed, Box<Strange>> {
        let mut followed = Followed::default();
        let mut enlisted: BTreeMap<Tx, BTreeSet<u8>> = BTreeMap::new();
        for event in history.events() {
            if let Event::Enlisted { tx, p } = event {
                enlisted.entry(*tx).or_default().insert(*p);
            }
        }
        let mut scene = Scene::default();
        let mut threads: BTreeMap<Tx, Thread<'_>> = BTreeMap::new();
        for entry in history.entries() {
            let event = &entry.event;
            if let Event::Began { tx, by: Place::Coordinator(c) } = *event {
                let places: Vec<u8> =
                    enlisted.remove(&tx).unwrap_or_default().into_iter().collect();
                let branches = places.len();
                let Some(index) = branches.checked_sub(1) else {
                    followed.without_branch += 1;
                    continue;
                };
                let system = self.systems.get(index).ok_or(Strange::TooWide { tx, branches })?;
                followed.transactions += 1;
                threads.insert(tx, Thread::begun(system, tx, places, c, &scene));
                continue;
            }
            scene.note(event);
            for thread in threads.values_mut().filter(|thread| thread.concerns(event)) {
                followed.events += 1;
                thread
                    .hear(event, &scene)
                    .map_err(|ways| Strange::NotAllowed { entry: entry.clone(), ways })?;
            }
        }
        for thread in threads.into_values() {
            let tx = thread.tx();
            let way = thread.end().map_err(|ways| Strange::Unseen { tx, ways })?;
            for action in way {
                *followed.actions.entry(action.kind()).or_default() += 1;
            }
        }
        Ok(followed)
    }
}

/// The last actions of a way, one a line.
fn last_of(candidate: &Candidate) -> String {
    let actions: Vec<Action> = candidate.way();
    let skipped = actions.len().saturating_sub(30);
    let before = (skipped > 0).then(|| format!("  ... {skipped} more"));
    let lines = actions[skipped..].iter().map(|action| format!("  {action}"));
    before.into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}
