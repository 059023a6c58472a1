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
mod order;
mod outcome;
mod parts;
mod places;
mod recovery;
mod rest;
mod seams;
mod shrink;

use futures::channel::mpsc::unbounded;

use crate::bend::{Bend, Straight};
use crate::explore::{Retold, Rules, Shipped};
use crate::world::{Run, run_of};
use director::perform;
use parts::Bridged;

pub use order::{Order, OrderError};
pub use outcome::{Carried, Impossible};
pub use shrink::shrink_order;

/// A run that followed an order.
#[derive(Clone, Debug)]
pub struct CarriedRun {
    /// The run. That it differs from what the explorer has is a violation of it too.
    pub run: Run,
    /// How far it followed the order; nothing of a run that panicked.
    pub carried: Option<Carried>,
}

/// Carries an order over: the shipped parts, held against the explorer's shipped rules.
///
/// # Panics
/// On an order that does not pass its [check](Order::check).
pub fn carry(order: &Order) -> CarriedRun {
    carry_beside::<Straight>(order, Shipped)
}

/// The same with a bend in the parts, held against what the explorer makes of the order under these
/// rules.
///
/// # Panics
/// As [`carry`].
pub fn carry_beside<B: Bend>(order: &Order, rules: impl Rules) -> CarriedRun {
    let retold =
        Retold::new(rules, order.size, &order.actions).expect("an order that has been checked");
    let (left, held) = unbounded();
    let parts = Bridged::<B>::new(left, order.expires());
    let mut carried = None;
    let run = run_of(&order.scenario(), parts, &[], async |world| {
        carried = Some(perform(world, order, held, retold).await);
    });
    CarriedRun { run, carried }
}
