//! All connections of a network, and how they come about.
//!
//! A machine answers at once, as its kernel does, and yet an answer is on its way only from when the
//! end that gets it looks next: what arrives does so in a timer callback, where no timer may be armed
//! for the answer. So the end is woken to look. If it does so late, what has come by then has come; only
//! a cut that was there and is gone by then goes unseen.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    task::{Poll, Waker},
};

use super::aim::{Stage, StreamAim, StreamAims, StreamDeed};
use super::connection::{Answer, Connection, Life, Side};
use super::options::StreamOptions;
use super::segment::{Cargo, Fortunes, Segment, Whereabouts};
use super::step::{ConnectionId, Step, StreamEvent, What};
use crate::net::ground::{Happening, NodeId};

/// How it is with a node's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    /// It answers nothing.
    Off,
    /// It is on, and no process is there.
    Idle,
    /// A process is there, and does not listen.
    Deaf,
    /// A process listens.
    Listening,
}

/// A node, as far as connections to it are concerned.
pub(super) struct Host {
    pub(super) power: Power,
    /// Connections that its process can take.
    pub(super) waiting: VecDeque<ConnectionId>,
    pub(super) acceptor: Option<Waker>,
}

/// All connections.
pub(in crate::net) struct Streams {
    pub(super) options: StreamOptions,
    pub(super) hosts: Vec<Host>,
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    opened: u64,
    fortunes: Fortunes,
    pub(super) aims: StreamAims,
}

impl Streams {
    pub(in crate::net) fn new(seed: u64, nodes: u8) -> Self {
        let host = |_| Host { power: Power::Off, waiting: VecDeque::new(), acceptor: None };
        Self {
            options: StreamOptions::default(),
            hosts: (0..nodes).map(host).collect(),
            connections: BTreeMap::new(),
            opened: 0,
            fortunes: Fortunes::new(seed),
            aims: StreamAims::default(),
        }
    }

    pub(in crate::net) const fn configure(&mut self, options: StreamOptions) {
        self.options = options;
    }

    pub(in crate::net) fn aim(&mut self, aim: StreamAim) {
        self.aims.add(aim);
    }

    /// Asks for a connection.
    pub(in crate::net) fn open(
        &mut self,
        from: NodeId,
        to: NodeId,
        step: &mut Step<'_>,
    ) -> ConnectionId {
        assert!(to.index() < self.hosts.len(), "{to:?} is not part of the network");
        let id = ConnectionId(self.opened);
        self.opened += 1;
        self.connections.insert(id, Connection::new(from, to));
        step.record.note(Happening::Dialled, step.now, from, to);
        self.send(id, Side::Client, Cargo::Syn, step);
        id
    }

    /// Whether the connection has come about.
    pub(super) fn poll_connected(
        &mut self,
        id: ConnectionId,
        waker: &Waker,
        step: &mut Step<'_>,
    ) -> Poll<io::Result<()>> {
        self.send_answer(id, Side::Client, step);
        let Some(connection) = self.connections.get_mut(&id) else { return Poll::Pending };
        match connection.life(Side::Client) {
            Life::Connecting => step.wait(&mut connection.to(Side::Client).reader, waker),
            Life::Agreed => {
                connection.end(Side::Client).life = Life::Open;
                if connection.life(Side::Server) == Life::Embryonic {
                    connection.end(Side::Server).life = Life::Expected;
                }
                self.send(id, Side::Client, Cargo::Ack, step);
                Poll::Ready(Ok(()))
            }
            Life::Refused => Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into())),
            Life::Reset => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            _ => Poll::Pending,
        }
    }

    /// Has a node's process listen.
    pub(in crate::net) fn listen(&mut self, node: NodeId) {
        self.hosts[node.index()].power = Power::Listening;
    }

    /// The next connection that its process can take, and who connected.
    pub(in crate::net) fn poll_accept(
        &mut self,
        node: NodeId,
        waker: &Waker,
        step: &mut Step<'_>,
    ) -> Poll<(NodeId, ConnectionId)> {
        self.listen(node);
        let host = &mut self.hosts[node.index()];
        let Some(id) = host.waiting.pop_front() else {
            return step.wait(&mut host.acceptor, waker);
        };
        let connection = self.connections.get_mut(&id).expect("nobody has closed it");
        let end = connection.end(Side::Server);
        if end.life == Life::Waiting {
            end.life = Life::Open;
        }
        let client = connection.node(Side::Client);
        step.record.note(Happening::Accepted, step.now, client, node);
        Poll::Ready((client, id))
    }

    /// Puts a segment on its way.
    pub(super) fn send(
        &mut self,
        id: ConnectionId,
        sender: Side,
        cargo: Cargo,
        step: &mut Step<'_>,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let pipe = connection.from(sender);
        let (from, to) = (pipe.from, pipe.to);
        step.record.note(Happening::SegmentSent, step.now, from, to);
        let fortune = self.fortunes.next((from, to), &self.options, step);
        let strike = match &cargo {
            Cargo::Data(bytes) => self.aims.strike(from, to, bytes),
            _ => None,
        };
        let mut due = step.now + fortune.delay;
        if let Some((Stage::Before, StreamDeed::Stall(by))) = strike {
            due += by;
        }
        let whereabouts = Whereabouts::UnderWay;
        let (number, due) = pipe.push(Segment { cargo, whereabouts, fortune, strike }, due);
        if let Some((_, StreamDeed::Stall(by))) = strike {
            step.record.note(Happening::SegmentAimed, step.now, from, to);
            pipe.last_due = pipe.last_due.max(step.now + fortune.delay + by);
        }
        step.schedule(due, StreamEvent { connection: id, sender, what: What::Segment(number) });
    }

    /// Sends a reset that nothing has asked for: if it is lost, that is all.
    pub(super) fn send_reset(&mut self, id: ConnectionId, sender: Side, step: &mut Step<'_>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let pipe = connection.from(sender);
        let (from, to) = (pipe.from, pipe.to);
        let fortune = self.fortunes.next((from, to), &self.options, step);
        if fortune.lost {
            step.record.note(Happening::ResetLost, step.now, from, to);
            return;
        }
        let due = pipe.last_due.max(step.now + fortune.delay);
        let what = What::Reset { half_open: false };
        step.schedule(due, StreamEvent { connection: id, sender, what });
    }

    /// Puts on its way what this end is to be answered.
    pub(super) fn send_answer(&mut self, id: ConnectionId, side: Side, step: &mut Step<'_>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match connection.end(side).answer.take() {
            None => {}
            Some(Answer::SynAck) => self.send(id, side.other(), Cargo::SynAck, step),
            Some(Answer::Refusal) => self.send(id, side.other(), Cargo::Refusal, step),
            // It came while nobody looked.
            Some(Answer::Reset { due, half_open }) if due <= step.now => {
                self.reset_arrives((id, side.other()), half_open, step);
            }
            Some(Answer::Reset { due, half_open }) => {
                let what = What::Reset { half_open };
                step.schedule(due, StreamEvent { connection: id, sender: side.other(), what });
            }
        }
    }

    /// Whether the process at this end has ended, or its machine has lost its power.
    pub(super) fn is_over(&self, id: ConnectionId, side: Side) -> bool {
        let life = self.connections.get(&id).map(|connection| connection.life(side));
        life.is_none_or(|life| matches!(life, Life::Closed | Life::Vanished))
    }

    /// Forgets a connection that nobody has.
    pub(super) fn bury(&mut self, id: ConnectionId) {
        if self.connections.get(&id).is_some_and(Connection::is_over) {
            self.connections.remove(&id);
        }
    }
}
