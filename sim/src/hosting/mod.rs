//! Hosting a participant of one's own: it is written as if it ran where it is called, and this
//! crate puts a network before it, a disk beneath it, and takes its power away.
//!
//! A [`Hosted`] kind says how its participant is opened on a [`Seat`], at first and after each loss of
//! power, and how a piece of work is done at a branch. Everything else is the
//! [`Participant`] itself, as a coordinator would be given it. It runs at a
//! node of its own; what a coordinator is given instead is a [`Remote`] that sends each call there.
//!
//! Two things are asked of it, and both are in the seat. It keeps what has to last in its
//! [`Journal`], which forces it to a disk that loses, tears and refuses writes. And it tells the
//! [`Teller`] what has become durable, at the moment it has, and again as it finds it there at each
//! opening: the invariants are judged by that.
//!
//! Calls for different branches overlap, in any order and at any await. Of one branch only
//! its ends, a one-phase commit among them, come one at a time. Its end can overlap with work that its
//! client has given up, and an end by gid, of recovery or of an operator, with its prepare. An operator's hand is a call of
//! [`resolve`](indoubt::Participant::resolve), and is told apart from recovery's in the history.
//!
//! What it cannot do: lose its evidence, or fail over to a standby; faults of a scenario that ask for it
//! do nothing. With a [workload](crate::harness::Harness::workload) of one's own a scenario's `workload`
//! is not used. A kind with a wire of its own, or with faults of its own, implements [`Kind`](crate::parts::Kind) itself, as
//! [`SimKind`](crate::database::SimKind) does.

mod client;
mod host;
mod kind;
mod seat;
mod sessions;
mod teller;
mod wire;

use std::io;

use indoubt::Participant;

use crate::parts::WorkRefused;

pub use client::{Remote, RemoteBranch};
pub use host::Host;
pub use kind::Hosting;
pub use seat::{Journal, Seat};
pub use teller::Teller;
pub(crate) use teller::{By, Chronicle};
pub use wire::{Message, Reply, Request};

/// A kind of participant that this crate hosts.
pub trait Hosted: Clone + Send + Sync + 'static {
    /// The participant, as it runs at its node.
    type Participant: Participant;

    /// A piece of work at a branch, as it travels there. With [`Op`](crate::parts::Op) it can do the
    /// work that scenarios have.
    type Op: Clone + Send + Sync + 'static;

    /// Opens the participant, at the beginning of a run and after each loss of power.
    ///
    /// # Errors
    /// What its journal cannot read; it is opened again after a while.
    fn open(&self, seat: Seat) -> impl Future<Output = io::Result<Self::Participant>> + Send;

    /// Does a piece of work at an open branch.
    ///
    /// # Errors
    /// A refusal: the branch can then only be rolled back.
    fn work(
        &self,
        branch: &<Self::Participant as Participant>::Branch,
        op: Self::Op,
    ) -> impl Future<Output = Result<Option<i64>, WorkRefused>> + Send;

    /// What it holds, row by row, at the end of a run. It is written into the history, as
    /// [`Event::Row`](crate::history::Event::Row), for invariants of one's own; and for those of the
    /// workload, if it [marks](crate::workload::Workload::marks) transactions.
    fn rows(&self, _participant: &Self::Participant) -> Vec<(u64, i64)> {
        Vec::new()
    }
}
