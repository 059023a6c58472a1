//! What happens when something arrives. It does in a timer callback, so nothing here is sent.

use super::aim::{Course, Stage, StreamDeed};
use super::connection::{Answer, Life, Side};
use super::pipe::Chunk;
use super::segment::{Cargo, Whereabouts};
use super::step::{ConnectionId, Step, StreamEvent, What};
use super::streams::{Host, Power, Streams};
use crate::net::ground::{Happening, NodeId, Ways};

/// Whether nothing that is sent there arrives now.
pub(super) fn is_barred(from: NodeId, to: NodeId, ways: &Ways, hosts: &[Host]) -> bool {
    ways.is_cut(from, to) || hosts[to.index()].power == Power::Off
}

impl Streams {
    /// What was under way arrives.
    pub(in crate::net) fn arrive(&mut self, event: StreamEvent, step: &mut Step<'_>) {
        let StreamEvent { connection, sender, what } = event;
        match what {
            What::Segment(number) => self.segment_arrives((connection, sender), number, step),
            What::Room => self.room_arrives(connection, sender.other(), step),
            What::Reset { half_open } => self.reset_arrives((connection, sender), half_open, step),
        }
        self.bury(connection);
    }

    fn segment_arrives(
        &mut self,
        (id, sender): (ConnectionId, Side),
        number: u64,
        step: &mut Step<'_>,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let pipe = connection.from(sender);
        let (from, to) = (pipe.from, pipe.to);
        let Some(segment) = pipe.segment(number) else { return };
        if segment.whereabouts != Whereabouts::UnderWay {
            return;
        }
        if is_barred(from, to, step.ways, &self.hosts) {
            segment.whereabouts = Whereabouts::Stalled;
            step.record.note(Happening::SegmentStalled, step.now, from, to);
            // A refusal is not sent again: what it answers is.
            let refusal = matches!(segment.cargo, Cargo::Refusal);
            if refusal || pipe.source_gone {
                pipe.forget_from(number);
                connection.ask_again();
            }
            return;
        }
        segment.whereabouts = Whereabouts::Ahead;
        step.record.note(Happening::SegmentArrived, step.now, from, to);
        while self.receive_next((id, sender), step) {}
    }

    /// Receives the next segment in order, if it has arrived; whether there may be another.
    fn receive_next(&mut self, (id, sender): (ConnectionId, Side), step: &mut Step<'_>) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let Some(segment) = connection.from(sender).arrived() else { return false };
        if let Some((_, deed)) = segment.strike.take_if(|(stage, _)| *stage == Stage::Before) {
            self.perform(deed, (id, sender), step);
            return self.still_arrives((id, sender), step);
        }
        if connection.from(sender).swallows {
            connection.from(sender).forget_all();
            return false;
        }
        let life = connection.life(sender.other());
        let Some(segment) = connection.from(sender).arrived() else { return false };
        let is_known = match segment.cargo {
            Cargo::Data(_) => life.receives(),
            Cargo::Fin => life != Life::Vanished,
            Cargo::Ack => !matches!(life, Life::Closed | Life::Vanished),
            Cargo::Syn | Cargo::SynAck | Cargo::Refusal => true,
        };
        if !is_known {
            // It is not acknowledged: if the reset is lost, it is sent again.
            segment.whereabouts = Whereabouts::Stalled;
            let due = step.now + segment.fortune.answer;
            let half_open = life == Life::Vanished;
            connection.end(sender).answer = Some(Answer::Reset { due, half_open });
            connection.wake(sender, step);
            return false;
        }
        let strike = segment.strike.map(|(_, deed)| deed);
        let fortune = segment.fortune;
        let pipe = connection.from(sender);
        match pipe.pop() {
            Some(Cargo::Data(bytes)) => {
                pipe.unread.push_back(Chunk { bytes, read: 0, strike });
                step.wake(&mut pipe.reader);
            }
            Some(Cargo::Fin) => {
                pipe.ended = true;
                step.wake(&mut pipe.reader);
            }
            Some(Cargo::Syn) => {
                connection.asked = Some(fortune);
                self.shake((id, sender), &Cargo::Syn, step);
            }
            Some(handshake) => self.shake((id, sender), &handshake, step),
            None => {}
        }
        true
    }

    /// Whether a segment that was struck arrives all the same: it stalls if the way is cut by that.
    fn still_arrives(&mut self, (id, sender): (ConnectionId, Side), step: &mut Step<'_>) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let pipe = connection.from(sender);
        let (from, to) = (pipe.from, pipe.to);
        let barred = is_barred(from, to, step.ways, &self.hosts);
        if barred && let Some(segment) = pipe.arrived() {
            segment.whereabouts = Whereabouts::Stalled;
            step.record.note(Happening::SegmentStalled, step.now, from, to);
        }
        !barred
    }

    /// A part of the handshake is received.
    fn shake(&mut self, (id, sender): (ConnectionId, Side), part: &Cargo, step: &mut Step<'_>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let (from, to) = (connection.node(sender), connection.node(sender.other()));
        let host = &mut self.hosts[to.index()];
        match part {
            Cargo::Syn => {
                let listens = host.power == Power::Listening;
                let answer = if listens { Answer::SynAck } else { Answer::Refusal };
                if listens {
                    connection.end(Side::Server).life = Life::Embryonic;
                }
                connection.end(sender).answer = Some(answer);
                connection.wake(sender, step);
            }
            Cargo::SynAck | Cargo::Refusal if connection.life(Side::Client) == Life::Connecting => {
                let agreed = matches!(part, Cargo::SynAck);
                connection.end(Side::Client).life =
                    if agreed { Life::Agreed } else { Life::Refused };
                if !agreed {
                    step.record.note(Happening::Refused, step.now, from, to);
                }
                connection.wake(Side::Client, step);
            }
            Cargo::Ack if connection.life(Side::Server) == Life::Expected => {
                connection.end(Side::Server).life = Life::Waiting;
                host.waiting.push_back(id);
                step.wake(&mut host.acceptor);
            }
            _ => {}
        }
    }

    /// A writer learns that something was read.
    fn room_arrives(&mut self, id: ConnectionId, writer: Side, step: &mut Step<'_>) {
        let capacity = self.options.capacity();
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let pipe = connection.from(writer);
        pipe.take_credit(step.now, step.ways);
        if pipe.held < capacity {
            step.wake(&mut pipe.writer);
        }
    }

    pub(super) fn reset_arrives(
        &mut self,
        (id, sender): (ConnectionId, Side),
        half_open: bool,
        step: &mut Step<'_>,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let (from, to) = (connection.node(sender), connection.node(sender.other()));
        if is_barred(from, to, step.ways, &self.hosts) {
            step.record.note(Happening::ResetLost, step.now, from, to);
            return;
        }
        let life = connection.life(sender.other());
        if life.is_held() && life != Life::Reset {
            let happening = if half_open { Happening::HalfOpen } else { Happening::Reset };
            step.record.note(happening, step.now, from, to);
        }
        connection.reset(sender.other(), step);
    }

    /// An aim strikes a connection at a segment from this end.
    pub(super) fn perform(
        &mut self,
        deed: StreamDeed,
        (id, sender): (ConnectionId, Side),
        step: &mut Step<'_>,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let (from, to) = (connection.node(sender), connection.node(sender.other()));
        match deed {
            // It was noted, and took effect, at the send.
            StreamDeed::Stall(_) => return,
            StreamDeed::Reset => {
                connection.reset(sender, step);
                connection.reset(sender.other(), step);
            }
            StreamDeed::Swallow => connection.from(sender).swallows = true,
            StreamDeed::HalfClose => {
                let pipe = connection.from(sender);
                pipe.swallows = true;
                pipe.ended = true;
                step.wake(&mut pipe.reader);
            }
            StreamDeed::Cut(course) => {
                if course != Course::Back {
                    self.cut(from, to, step);
                }
                if course != Course::There {
                    self.cut(to, from, step);
                }
            }
        }
        step.record.note(Happening::SegmentAimed, step.now, from, to);
    }
}
