//! Where the network meets madsim's clock: one timer an arrival, and no task.
//!
//! A packet's or a segment's timer is a `Sleep` whose waker *is* the arrival, so a delivery costs no poll of a
//! task of its own. Timers and queued arrivals are armed one for one and both fire in the order
//! they are due, so each firing lets exactly the next arrival happen and need not know the time:
//! inside a timer callback madsim's clock still shows the old one.
//!
//! Rules this rests on:
//! - A callback runs with madsim's timers locked, so nothing that happens at an arrival may arm
//!   a timer. Waking a task is fine: that only queues it, and drops nothing that it has. The drop of
//!   a stream arms one, so it is not for such a callback either, and nothing here has a stream.
//! - What the timers hold must not hold the `TimeHandle`, or the two would keep each other alive
//!   after the run. Hence `Shared` apart from `Wire`.
//! - A `Sleep` adds a timer at each pending poll and never cancels it, so each is polled once
//!   and dropped.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use madsim::time::{Instant, TimeHandle};

use super::{
    NodeId,
    aim::Spoken,
    state::{Incarnation, NetState},
    stream::{Carrier, Passing, Step, Streams},
};

use crate::sentry::{Sentry, Sign};

/// The shared state and the means to have an arrival happen later.
pub(super) struct Wire<M> {
    shared: Arc<Shared<M>>,
    time: TimeHandle,
    start: Instant,
    /// Waking it lets the next arrival happen.
    arrival: Waker,
    sentry: Sentry,
}

struct Shared<M>(Mutex<NetState<M>>);

impl<M> Shared<M> {
    fn lock(&self) -> MutexGuard<'_, NetState<M>> {
        // A panic ends the run; the drops that follow must not panic again.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Clone + Send + 'static> Wake for Shared<M> {
    fn wake(self: Arc<Self>) {
        let (receiver, later) = self.lock().arrive_next();
        debug_assert!(later.events.is_empty(), "no timer can be armed at an arrival");
        for waiting in receiver.into_iter().chain(later.wakers) {
            waiting.wake();
        }
    }
}

impl<M: Clone + Spoken + Send + 'static> Wire<M> {
    pub(super) fn new(state: NetState<M>) -> Self {
        let time = TimeHandle::current();
        let start = time.now_instant().checked_sub(time.elapsed());
        let start = start.expect("the run has not lasted longer than its clock");
        let shared = Arc::new(Shared(Mutex::new(state)));
        let arrival = Waker::from(shared.clone());
        Self { shared, time, start, arrival, sentry: Sentry::default() }
    }

    /// Sends for one life of a node; for a past one it does nothing.
    pub(super) fn send(&self, from: NodeId, incarnation: Incarnation, to: NodeId, message: M) {
        let heard = self.sentry.is_heard().then(|| message.word());
        let now = self.time.elapsed();
        let arrivals = self.state().send(now, (from, incarnation), to, message);
        for due in arrivals.into_iter().flatten() {
            self.arm(due);
        }
        if let Some(word) = heard
            && self.state().is_current(from, incarnation)
        {
            self.sentry.tell(Sign::Sent { from: from.0, to: to.0, word });
        }
    }

    pub(super) fn told(self, sentry: Sentry) -> Self {
        Self { sentry, ..self }
    }

    /// Tells that a message was received, if anybody listens. False if that was the end of the
    /// receiver.
    pub(super) fn has_received(
        &self,
        from: NodeId,
        (to, incarnation): (NodeId, Incarnation),
        message: &M,
    ) -> bool {
        if !self.sentry.is_heard() {
            return true;
        }
        self.sentry.tell(Sign::Received { from: from.0, to: to.0, word: message.word() });
        self.state().is_current(to, incarnation)
    }
}

impl<M> Wire<M> {
    pub(super) fn state(&self) -> MutexGuard<'_, NetState<M>> {
        self.shared.lock()
    }

    /// Takes a step of the streams now, and does what it leaves to be done.
    pub(super) fn step<T>(&self, step: impl FnOnce(&mut Streams, &mut Step<'_>) -> T) -> T {
        let now = self.time.elapsed();
        let (result, later) = self.state().stream_step(now, step);
        for (due, _) in later.events {
            self.arm(due);
        }
        later.wakers.into_iter().for_each(Waker::wake);
        result
    }

    fn arm(&self, due: Duration) {
        let deadline = self.start + due;
        let mut timer = self.time.sleep_until(deadline);
        // `sleep_until` rounds up to a millisecond from now; this does not.
        Pin::new(&mut timer).reset(deadline);
        let armed = Pin::new(&mut timer).poll(&mut Context::from_waker(&self.arrival));
        debug_assert_eq!(armed, Poll::Pending, "an arrival is later than its send");
    }
}

impl<M: Spoken + Send + 'static> Carrier for Wire<M> {
    fn take(&self, step: &mut dyn FnMut(&mut Streams, &mut Step<'_>)) {
        self.step(step);
    }

    fn pass(&self, passing: Passing, (from, to): (NodeId, NodeId), bytes: &[u8]) -> bool {
        if !self.sentry.is_heard() {
            return false;
        }
        let (from, to, word) = (from.0, to.0, M::of_bytes(bytes));
        self.sentry.tell(match passing {
            Passing::Written => Sign::Sent { from, to, word },
            Passing::Read => Sign::Received { from, to, word },
        });
        true
    }
}

// Derived, it would ask the same of `M`.
impl<M> Clone for Wire<M> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            time: self.time.clone(),
            start: self.start,
            arrival: self.arrival.clone(),
            sentry: self.sentry.clone(),
        }
    }
}

impl<M> fmt::Debug for Wire<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}
