//! Everything the network knows, and what happens at a send and at an arrival.
//!
//! Plain data behind one lock. Time comes in as an argument; due times, wakers and a dead node's
//! inbox go out as return values. The only foreign code that runs under the lock is a message's
//! own clone and drop. Streams are a room of their own, whose steps are taken here.

use std::{collections::VecDeque, mem, task::Waker, time::Duration};

use super::{
    aim::{Aim, Aims, Deed, Spoken},
    ground::{
        Happening, LinkOptions, MINIMUM_LATENCY, NetStats, NodeId, Record, StreamStats, Ways,
    },
    queue::EventQueue,
    stream::{Later, Step, StreamEvent, Streams},
};

/// Tells the lives of a node apart, and so whose a packet or an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Incarnation(u64);

pub(super) struct NetState<M> {
    nodes: Vec<Node<M>>,
    ways: Ways,
    arrivals: EventQueue<Arrival<M>>,
    aims: Aims,
    streams: Streams,
    record: Record,
}

struct Node<M> {
    incarnation: Incarnation,
    up: bool,
    inbox: Inbox<M>,
}

/// What a node loses when it dies.
pub(super) struct Inbox<M> {
    messages: VecDeque<(NodeId, M)>,
    receiver: Option<Waker>,
}

/// What is under way.
enum Arrival<M> {
    Packet(Packet<M>),
    Stream(StreamEvent),
}

struct Packet<M> {
    from: NodeId,
    to: NodeId,
    /// The receiver's at the time of the send.
    meant_for: Incarnation,
    message: M,
}

impl<M> NetState<M> {
    pub(super) fn new(seed: u64, nodes: u8, options: LinkOptions) -> Self {
        let node = |_| Node { incarnation: Incarnation(0), up: false, inbox: Inbox::default() };
        Self {
            nodes: (0..nodes).map(node).collect(),
            ways: Ways::new(seed, nodes, options),
            arrivals: EventQueue::new(),
            aims: Aims::default(),
            streams: Streams::new(seed, nodes),
            record: Record::default(),
        }
    }

    pub(super) fn bind(&mut self, node: NodeId) -> Incarnation {
        let slot = &mut self.nodes[node.index()];
        assert!(!slot.up, "{node:?} is up already");
        slot.up = true;
        slot.incarnation
    }

    /// Takes the node down and returns what is to be dropped.
    pub(super) fn kill(&mut self, node: NodeId) -> Inbox<M> {
        let slot = &mut self.nodes[node.index()];
        slot.up = false;
        slot.incarnation.0 += 1;
        mem::take(&mut slot.inbox)
    }

    /// As [`kill`](Self::kill), unless that life has ended before.
    pub(super) fn unbind(&mut self, node: NodeId, incarnation: Incarnation) -> Option<Inbox<M>> {
        self.is_current(node, incarnation).then(|| self.kill(node))
    }

    pub(super) fn set_link(&mut self, from: NodeId, to: NodeId, options: LinkOptions) {
        self.ways.set_link(from, to, options);
    }

    pub(super) fn set_all(&mut self, options: LinkOptions) {
        self.ways.set_all(options);
    }

    pub(super) fn drag(&mut self, from: Option<NodeId>, to: NodeId, factor: u32) {
        self.ways.drag(from, to, factor);
    }

    pub(super) fn clear_aims(&mut self) {
        self.aims.clear();
    }

    /// Takes a step of the streams. What it leaves to be done is left to the caller, and every event
    /// among it is to be armed.
    pub(super) fn stream_step<T>(
        &mut self,
        now: Duration,
        step: impl FnOnce(&mut Streams, &mut Step<'_>) -> T,
    ) -> (T, Later) {
        let mut later = Later::default();
        let Self { ways, record, streams, .. } = self;
        let result = step(streams, &mut Step { now, ways, record, later: &mut later });
        for (due, event) in &later.events {
            self.arrivals.push(*due, Arrival::Stream(*event));
        }
        (result, later)
    }

    pub(super) fn aim(&mut self, aim: Aim) {
        self.aims.add(aim);
    }

    /// Lets what is due next arrive, and returns who waits for a packet, and what is left to be done
    /// of a step of the streams: no event among it.
    pub(super) fn arrive_next(&mut self) -> (Option<Waker>, Later) {
        match self.arrivals.pop() {
            None => (None, Later::default()),
            Some((due, Arrival::Packet(packet))) => {
                (self.receive_packet(due, packet), Later::default())
            }
            Some((due, Arrival::Stream(event))) => {
                let step = |streams: &mut Streams, step: &mut Step<'_>| streams.arrive(event, step);
                (None, self.stream_step(due, step).1)
            }
        }
    }

    fn receive_packet(&mut self, due: Duration, packet: Packet<M>) -> Option<Waker> {
        let Packet { from, to, meant_for, message } = packet;
        if !self.is_current(to, meant_for) {
            self.record.note(Happening::Dead, due, from, to);
            return None;
        }
        if self.ways.is_cut(from, to) {
            self.record.note(Happening::Cut, due, from, to);
            return None;
        }
        self.record.note(Happening::Delivered, due, from, to);
        let inbox = &mut self.nodes[to.index()].inbox;
        inbox.messages.push_back((from, message));
        inbox.receiver.take()
    }

    /// The next message, or else `waker` is the one to wake.
    ///
    /// The waker it replaces is returned as the error, to be dropped without the lock.
    pub(super) fn receive(
        &mut self,
        node: NodeId,
        incarnation: Incarnation,
        waker: &Waker,
    ) -> Result<(NodeId, M), Option<Waker>> {
        if !self.is_current(node, incarnation) {
            return Err(None);
        }
        let inbox = &mut self.nodes[node.index()].inbox;
        if let Some(received) = inbox.messages.pop_front() {
            return Ok(received);
        }
        match &inbox.receiver {
            Some(waiting) if waiting.will_wake(waker) => Err(None),
            _ => Err(inbox.receiver.replace(waker.clone())),
        }
    }

    pub(super) const fn stats(&self) -> NetStats {
        self.record.stats()
    }

    pub(super) const fn stream_stats(&self) -> StreamStats {
        self.record.stream_stats()
    }

    pub(super) const fn trace_hash(&self) -> u64 {
        self.record.trace_hash()
    }

    pub(super) fn is_current(&self, node: NodeId, incarnation: Incarnation) -> bool {
        let slot = &self.nodes[node.index()];
        slot.up && slot.incarnation == incarnation
    }

    fn put_under_way(&mut self, due: Duration, from: NodeId, to: NodeId, message: M) -> Duration {
        self.record.note(Happening::UnderWay, due, from, to);
        let meant_for = self.nodes[to.index()].incarnation;
        let packet = Packet { from, to, meant_for, message };
        self.arrivals.push(due, Arrival::Packet(packet));
        due
    }
}

impl<M: Clone + Spoken> NetState<M> {
    /// Decides a packet's fate and returns when it arrives: not at all, or up to three times.
    pub(super) fn send(
        &mut self,
        now: Duration,
        (from, incarnation): (NodeId, Incarnation),
        to: NodeId,
        message: M,
    ) -> [Option<Duration>; 3] {
        if !self.is_current(from, incarnation) {
            return [None; 3];
        }
        self.record.note(Happening::Sent, now, from, to);
        if from == to {
            return [
                Some(self.put_under_way(now + MINIMUM_LATENCY, from, to, message)),
                None,
                None,
            ];
        }
        let deed = self.aims.strike(from, to, &message);

        // Drawn although the direction may be cut, so that a cut shifts nothing either.
        let mut fate = self.ways.next_fate(from, to);
        if self.ways.is_cut(from, to) {
            self.record.note(Happening::Cut, now, from, to);
            return [None; 3];
        }
        if deed.is_some() {
            self.record.note(Happening::Aimed, now, from, to);
        }
        if fate.lost || deed == Some(Deed::Lose) {
            self.record.note(Happening::Lost, now, from, to);
            return [None; 3];
        }
        if let Some(Deed::Late(by)) = deed {
            fate.delay += by;
            fate.second_delay = fate.second_delay.map(|delay| delay + by);
        }
        if fate.dragged {
            self.record.note(Happening::Dragged, now, from, to);
        }
        if fate.slowed {
            self.record.note(Happening::Slowed, now, from, to);
        }
        if fate.reordered {
            self.record.note(Happening::Reordered, now, from, to);
        }
        let second = fate.second_delay.map(|delay| {
            self.record.note(Happening::Duplicated, now, from, to);
            self.put_under_way(now + delay, from, to, message.clone())
        });
        let again = match deed {
            Some(Deed::Again(after)) => {
                let due = now + fate.delay + after;
                Some(self.put_under_way(due, from, to, message.clone()))
            }
            Some(Deed::Lose | Deed::Late(_)) | None => None,
        };
        [Some(self.put_under_way(now + fate.delay, from, to, message)), second, again]
    }
}

// Derived, it would ask the same of `M`.
impl<M> Default for Inbox<M> {
    fn default() -> Self {
        Self { messages: VecDeque::new(), receiver: None }
    }
}
