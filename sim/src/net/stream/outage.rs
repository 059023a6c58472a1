//! Cuts and their end, machines that lose power, and processes that end while their machines live.

use super::arrival::is_barred;
use super::connection::{Life, Side};
use super::pipe::Pipe;
use super::step::{ConnectionId, Step, StreamEvent, What};
use super::streams::{Power, Streams};
use crate::net::ground::{Happening, NodeId};

impl Streams {
    /// Cuts a direction.
    pub(in crate::net) fn cut(&mut self, from: NodeId, to: NodeId, step: &mut Step<'_>) {
        if !step.ways.is_cut(from, to) {
            // What writers could have learnt before, had they looked.
            self.each_pipe(to, from, |pipe, _, step| pipe.take_credit(step.now, step.ways), step);
        }
        step.ways.set_cut(from, to, true);
    }

    /// Ends the cut of a direction: what has stalled is sent again, and so is what was sent in the other
    /// direction, whose answers may be lost.
    pub(in crate::net) fn heal(&mut self, from: NodeId, to: NodeId, step: &mut Step<'_>) {
        if !step.ways.is_cut(from, to) {
            return;
        }
        step.ways.set_cut(from, to, false);
        let capacity = self.options.capacity();
        let learn = |pipe: &mut Pipe, _, step: &mut Step<'_>| {
            pipe.take_credit(step.now, step.ways);
            if pipe.held < capacity {
                step.wake(&mut pipe.writer);
            }
        };
        self.each_pipe(to, from, learn, step);
        self.retransmit(from, to, step);
        self.retransmit(to, from, step);
    }

    /// Ends every cut, all dragging, and every aim that has not struck: those too whose segment is under
    /// way, for after this no fault begins.
    pub(in crate::net) fn heal_all(&mut self, step: &mut Step<'_>) {
        let nodes = || (0..u8::MAX).map(NodeId).take(self.hosts.len());
        let pairs: Vec<_> = nodes().flat_map(|from| nodes().map(move |to| (from, to))).collect();
        for (from, to) in pairs {
            self.heal(from, to, step);
        }
        step.ways.speed_up();
        self.aims.clear();
        for connection in self.connections.values_mut() {
            for side in [Side::Client, Side::Server] {
                connection.from(side).spare();
            }
        }
    }

    /// A process begins, on a machine that has power from now on.
    pub(in crate::net) fn begin(&mut self, node: NodeId, step: &mut Step<'_>) {
        let was_off = self.hosts[node.index()].power == Power::Off;
        self.hosts[node.index()].power = Power::Deaf;
        if was_off && !self.connections.is_empty() {
            for from in (0..u8::MAX).map(NodeId).take(self.hosts.len()) {
                self.retransmit(from, node, step);
            }
        }
    }

    /// A machine loses power: nobody is told.
    pub(in crate::net) fn lose_power(&mut self, node: NodeId, step: &mut Step<'_>) {
        let host = &mut self.hosts[node.index()];
        host.power = Power::Off;
        host.waiting.clear();
        step.later.remains.extend(host.acceptor.take());
        for connection in self.connections.values_mut() {
            for side in [Side::Client, Side::Server] {
                let life = connection.life(side);
                if connection.node(side) == node && life != Life::Unborn {
                    connection.end(side).life = Life::Vanished;
                    connection.end(side).answer = None;
                    connection.to(side).lose_destination(step.later);
                    connection.from(side).lose_source();
                    step.later.remains.extend(connection.from(side).writer.take());
                    if life == Life::Embryonic {
                        connection.ask_again();
                    }
                }
            }
        }
        self.connections.retain(|_, connection| !connection.is_over());
    }

    /// A process ends, and its machine closes its streams for it.
    pub(in crate::net) fn end_process(&mut self, node: NodeId, step: &mut Step<'_>) {
        let host = &mut self.hosts[node.index()];
        if host.power == Power::Off {
            return;
        }
        host.power = Power::Idle;
        host.waiting.clear();
        step.later.remains.extend(host.acceptor.take());
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            for side in [Side::Client, Side::Server] {
                if self.connections.get(&id).is_some_and(|it| it.node(side) == node) {
                    self.close(id, side, step);
                }
            }
        }
    }

    /// Resets every stream between two nodes, at both ends and at once.
    pub(in crate::net) fn reset_between(&mut self, a: NodeId, b: NodeId, step: &mut Step<'_>) {
        let between =
            self.connections.values_mut().filter(|connection| connection.is_between(a, b));
        for connection in between {
            for side in [Side::Client, Side::Server] {
                let life = connection.life(side);
                if life.is_held() && life != Life::Reset {
                    let (from, to) = (connection.node(side.other()), connection.node(side));
                    step.record.note(Happening::Reset, step.now, from, to);
                    connection.reset(side, step);
                }
            }
        }
    }

    /// Sends again what has stalled in a direction.
    fn retransmit(&mut self, from: NodeId, to: NodeId, step: &mut Step<'_>) {
        if is_barred(from, to, step.ways, &self.hosts) {
            return;
        }
        let again = |pipe: &mut Pipe, (connection, sender), step: &mut Step<'_>| {
            for (number, due) in pipe.retransmit(step.now) {
                step.schedule(due, StreamEvent { connection, sender, what: What::Segment(number) });
            }
        };
        self.each_pipe(from, to, again, step);
    }

    /// Does this for each pipe of a direction, in the order in which the connections were opened.
    fn each_pipe(
        &mut self,
        from: NodeId,
        to: NodeId,
        mut act: impl FnMut(&mut Pipe, (ConnectionId, Side), &mut Step<'_>),
        step: &mut Step<'_>,
    ) {
        for (id, connection) in &mut self.connections {
            for side in [Side::Client, Side::Server] {
                let pipe = connection.from(side);
                if (pipe.from, pipe.to) == (from, to) {
                    act(pipe, (*id, side), step);
                }
            }
        }
    }
}
