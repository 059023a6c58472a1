//! Everything the network knows, and what happens at a send and at an arrival.
//!
//! Plain data behind one lock. Time comes in as an argument; due times, wakers and a dead node's
//! inbox go out as return values. The only foreign code that runs under the lock is a message's
//! own clone and drop.

use std::{collections::VecDeque, mem, task::Waker, time::Duration};

use super::{
    NetStats, NodeId,
    aim::{Aim, Aims, Deed, Spoken},
    link::{Link, LinkOptions, MINIMUM_LATENCY},
    queue::EventQueue,
    record::{Happening, Record},
};
use crate::draw::Draw;

/// Keeps the links' streams apart from all others of the same seed.
const LINK_STREAMS: u64 = 0x6e65_7400_0000_0000;

/// Tells the lives of a node apart, and so whose a packet or an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Incarnation(u64);

pub(super) struct NetState<M> {
    nodes: Vec<Node<M>>,
    /// Row by sender, column by receiver. A node's link to itself is never asked.
    links: Vec<Link>,
    arrivals: EventQueue<Packet<M>>,
    aims: Aims,
    record: Record,
}

struct Node<M> {
    incarnation: Incarnation,
    up: bool,
    /// What the latency of packets to it is multiplied by.
    drag: u32,
    inbox: Inbox<M>,
}

/// What a node loses when it dies.
pub(super) struct Inbox<M> {
    messages: VecDeque<(NodeId, M)>,
    receiver: Option<Waker>,
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
        let pairs = (0..nodes).flat_map(|from| (0..nodes).map(move |to| (from, to)));
        let link = |(from, to)| {
            // Named by its ends, not numbered: a node more leaves the others' streams alone.
            let ends = u64::from(u16::from_be_bytes([from, to]));
            Link::new(options, Draw::new(seed, LINK_STREAMS | ends))
        };
        let node =
            |_| Node { incarnation: Incarnation(0), up: false, drag: 1, inbox: Inbox::default() };
        Self {
            nodes: (0..nodes).map(node).collect(),
            links: pairs.map(link).collect(),
            arrivals: EventQueue::new(),
            aims: Aims::default(),
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
        self.link(from, to).options = options;
    }

    pub(super) fn set_all(&mut self, options: LinkOptions) {
        for link in &mut self.links {
            link.options = options;
        }
    }

    pub(super) fn set_cut(&mut self, from: NodeId, to: NodeId, cut: bool) {
        self.link(from, to).cut = cut;
    }

    pub(super) fn drag(&mut self, from: Option<NodeId>, to: NodeId, factor: u32) {
        let drag = match from {
            Some(from) => &mut self.link(from, to).drag,
            None => &mut self.nodes[to.index()].drag,
        };
        *drag = factor;
    }

    pub(super) fn heal_all(&mut self) {
        for link in &mut self.links {
            link.cut = false;
            link.drag = 1;
        }
        for node in &mut self.nodes {
            node.drag = 1;
        }
        self.aims.clear();
    }

    pub(super) fn aim(&mut self, aim: Aim) {
        self.aims.add(aim);
    }

    /// Lets the packet that is due next arrive, and returns who waits for it.
    pub(super) fn arrive_next(&mut self) -> Option<Waker> {
        let (due, Packet { from, to, meant_for, message }) = self.arrivals.pop()?;
        if !self.is_current(to, meant_for) {
            self.record.note(Happening::Dead, due, from, to);
            return None;
        }
        if from != to && self.link(from, to).cut {
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
        self.arrivals.push(due, Packet { from, to, meant_for, message });
        due
    }

    fn link(&mut self, from: NodeId, to: NodeId) -> &mut Link {
        let nodes = self.nodes.len();
        assert!(to.index() < nodes, "{to:?} is not part of the network");
        &mut self.links[from.index() * nodes + to.index()]
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

        let drag = self.nodes[to.index()].drag;
        let link = self.link(from, to);
        let cut = link.cut;
        // Drawn although the direction may be cut, so that a cut shifts nothing either.
        let mut fate = link.next_fate(drag);
        if cut {
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
