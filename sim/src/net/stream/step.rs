//! One step of the streams: what it sees of the network, and what it leaves to be done.
//!
//! A step is taken with the network locked, when no timer may be armed, nothing be woken and nothing
//! foreign be dropped. So it writes down what is to follow, and whoever locked does that afterwards.

use std::{
    task::{Poll, Waker},
    time::Duration,
};

use super::{connection::Side, streams::Streams};
use crate::net::ground::{NodeId, Record, Ways};

/// By which a connection is known, in the order of their opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::net) struct ConnectionId(pub(super) u64);

/// Something on a connection that happens later.
#[derive(Clone, Copy, Debug)]
pub(in crate::net) struct StreamEvent {
    pub(super) connection: ConnectionId,
    /// Who sent what arrives.
    pub(super) sender: Side,
    pub(super) what: What,
}

/// What arrives.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// The segment of this number.
    Segment(u64),
    /// News of what has been read, for a writer that waits.
    Room,
    /// A reset; in answer to something that was sent, if that end had vanished.
    Reset { half_open: bool },
}

/// What a step leaves to be done without the lock.
#[derive(Default)]
pub(in crate::net) struct Later {
    pub(in crate::net) events: Vec<(Duration, StreamEvent)>,
    pub(in crate::net) wakers: Vec<Waker>,
    /// Replaced, or of the dead: to be dropped.
    pub(in crate::net) remains: Vec<Waker>,
}

/// What a step sees of the network, and where it leaves what is to be done.
pub(in crate::net) struct Step<'a> {
    pub(in crate::net) now: Duration,
    pub(in crate::net) ways: &'a mut Ways,
    pub(in crate::net) record: &'a mut Record,
    pub(in crate::net) later: &'a mut Later,
}

impl Step<'_> {
    pub(super) fn schedule(&mut self, due: Duration, event: StreamEvent) {
        self.later.events.push((due, event));
    }

    pub(super) fn wake(&mut self, waiting: &mut Option<Waker>) {
        self.later.wakers.extend(waiting.take());
    }

    /// Has this waker be the one that waits.
    pub(super) fn wait<T>(&mut self, waiting: &mut Option<Waker>, waker: &Waker) -> Poll<T> {
        if !waiting.as_ref().is_some_and(|waiting| waiting.will_wake(waker)) {
            self.later.remains.extend(waiting.replace(waker.clone()));
        }
        Poll::Pending
    }
}

/// A network that carries streams, whatever messages it carries beside them.
pub(in crate::net) trait Carrier: Send + Sync {
    /// Takes a step now, and does what it leaves to be done. Not in a timer callback.
    fn take(&self, step: &mut dyn FnMut(&mut Streams, &mut Step<'_>));

    /// Tells whoever listens that these bytes were just written, or read, between these nodes; false if
    /// nobody does. Nothing is locked.
    fn pass(&self, passing: Passing, ends: (NodeId, NodeId), bytes: &[u8]) -> bool;
}

/// What bytes have just been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Passing {
    Written,
    Read,
}
