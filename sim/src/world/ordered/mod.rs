//! A run whose order of events is given: a story of the explorer, carried over.
//!
//! The coordinators are the real ones, on their executor, over the file log and the simulated
//! participants. But every call by which one of them meets the world is left at a *desk*: each
//! request of the protocol, each call of the log, each wait. A *director* takes the actions of the
//! order one at a time, and decides of what lies there: it carries a request to its participant
//! and keeps the reply, has a force land although its caller has heard that it failed, says that
//! a deadline has passed. Then it lets the world settle, and compares it with what the explorer
//! has after the same action.
//!
//! Since the director is the network, the network itself has no faults in such a run; and since
//! it is also time, nothing happens by time alone. A client's own work on its branches goes its
//! ordinary way. When the order is over the director lets go: every call goes its ordinary way
//! from then on, the run comes to rest, and its history is judged as any other.
//!
//! Read `director` for the loop, `found` for whose a call is, `compare` for what must be alike.

mod board;
mod client;
mod compare;
mod desk;
mod director;
mod found;
mod log;
mod network;
mod outcome;
mod places;
mod recovery;
mod rest;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use indoubt::{Coordinator, Deadlines};
use indoubt_real::log::{FileLog, Options};

use super::control::lock;
use super::{CoordinatorClock, Seams, Watched};
use crate::history::Place;
use crate::scenario::Order;

pub(crate) use desk::{Answer, Desk, Held, LogCall};
pub(crate) use director::perform;
pub use outcome::{Carried, Impossible};

/// Longer than any run.
pub(super) const NEVER: Duration = Duration::from_secs(1 << 20);

/// A coordinator's log as it is, whatever calls are held.
pub(super) type DirectLog<S> = Arc<Watched<FileLog<<S as Seams>::Disk>>>;

/// What an ordered run has beside its world.
pub(crate) struct Ordered<S: Seams> {
    left: UnboundedSender<Held>,
    /// The coordinators that are up, by number.
    acting: Mutex<BTreeMap<u8, Acting<S>>>,
}

/// A coordinator that is up.
pub(crate) struct Acting<S: Seams> {
    pub(super) coordinator: Coordinator<S::Log, CoordinatorClock>,
    pub(super) participants: Vec<S::Participant>,
    pub(super) log: DirectLog<S>,
}

impl<S: Seams> Clone for Acting<S> {
    fn clone(&self) -> Self {
        Self {
            coordinator: self.coordinator.clone(),
            participants: self.participants.clone(),
            log: self.log.clone(),
        }
    }
}

impl<S: Seams> Ordered<S> {
    /// With the other end of its desks.
    pub(super) fn new() -> (Self, UnboundedReceiver<Held>) {
        let (left, taken) = unbounded();
        (Self { left, acting: Mutex::default() }, taken)
    }

    /// The desk of a coordinator's process.
    pub(super) fn desk(&self, place: Place) -> Desk {
        Desk::new(number(place), self.left.clone())
    }

    /// A coordinator has come up.
    pub(super) fn enter(&self, place: Place, acting: Acting<S>) {
        lock(&self.acting).insert(number(place), acting);
    }

    fn leave(&self, c: u8) -> Option<Acting<S>> {
        lock(&self.acting).remove(&c)
    }

    fn acting(&self, c: u8) -> Option<Acting<S>> {
        lock(&self.acting).get(&c).cloned()
    }
}

const fn number(place: Place) -> u8 {
    match place {
        Place::Coordinator(number) | Place::Participant(number) => number,
    }
}

/// Deadlines by whose length the director knows what is waited for.
pub(super) fn told_apart(deadlines: Deadlines) -> Deadlines {
    Deadlines { force: deadlines.force + Duration::from_millis(1), ..deadlines }
}

/// How many finished commits a log remembers that has to forget one by order.
const REMEMBERED: usize = 2;

/// Sets how the log is opened.
pub(super) fn set(options: &mut Options, order: &Order) {
    if order.expires() {
        options.remembered = REMEMBERED;
        options.ranges = 0;
    }
}
