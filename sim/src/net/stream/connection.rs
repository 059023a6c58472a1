//! A connection: two ends, and a pipe from each to the other.

use std::time::Duration;

use super::pipe::Pipe;
use super::segment::{Cargo, Fortune, Segment, Whereabouts};
use super::step::Step;
use crate::net::ground::NodeId;

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Who connected.
    Client,
    /// Who was connected to.
    Server,
}

impl Side {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// How it is with an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// The client waits to hear of the server.
    Connecting,
    /// The server has agreed, and the client has not looked yet.
    Agreed,
    /// The server has declined, and the client has not looked yet.
    Refused,
    /// The server has heard nothing.
    Unborn,
    /// The server has agreed, and has not heard that it was heard.
    Embryonic,
    /// The client has a stream, and the server will.
    Expected,
    /// The server has not taken the stream yet.
    Waiting,
    /// There is a stream.
    Open,
    /// There is a stream, and it was reset.
    Reset,
    /// There is no stream, and the machine knows: it answers by resets.
    Closed,
    /// The machine has lost power since, and knows nothing of this.
    Vanished,
}

impl Life {
    /// Whether somebody has this end, or will.
    pub(super) const fn is_held(self) -> bool {
        !matches!(self, Self::Unborn | Self::Embryonic | Self::Closed | Self::Vanished)
    }

    /// Whether what arrives is kept, to be read.
    pub(super) const fn receives(self) -> bool {
        matches!(self, Self::Agreed | Self::Waiting | Self::Open)
    }
}

/// What a machine answers to what has reached it. It is on its way from when the other end looks next,
/// which is woken for it.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// Somebody listens.
    SynAck,
    /// Nobody listens.
    Refusal,
    /// There is no such connection, or not any more.
    Reset { due: Duration, half_open: bool },
}

/// One end.
pub(super) struct End {
    pub(super) life: Life,
    /// What it is to be answered.
    pub(super) answer: Option<Answer>,
}

/// A connection.
pub(super) struct Connection {
    ends: [End; 2],
    pipes: [Pipe; 2],
    /// What was drawn for the client's question, once the server's machine has it.
    pub(super) asked: Option<Fortune>,
}

impl Connection {
    pub(super) const fn new(client: NodeId, server: NodeId) -> Self {
        Self {
            ends: [
                End { life: Life::Connecting, answer: None },
                End { life: Life::Unborn, answer: None },
            ],
            pipes: [Pipe::new(client, server), Pipe::new(server, client)],
            asked: None,
        }
    }

    pub(super) const fn end(&mut self, side: Side) -> &mut End {
        &mut self.ends[side as usize]
    }

    pub(super) const fn life(&self, side: Side) -> Life {
        self.ends[side as usize].life
    }

    /// The pipe from this end.
    pub(super) const fn from(&mut self, side: Side) -> &mut Pipe {
        &mut self.pipes[side as usize]
    }

    /// The pipe to this end.
    pub(super) const fn to(&mut self, side: Side) -> &mut Pipe {
        self.from(side.other())
    }

    /// Where this end is.
    pub(super) const fn node(&self, side: Side) -> NodeId {
        self.pipes[side as usize].from
    }

    /// Whether it is one between these two.
    pub(super) fn is_between(&self, a: NodeId, b: NodeId) -> bool {
        let ends = (self.node(Side::Client), self.node(Side::Server));
        ends == (a, b) || ends == (b, a)
    }

    /// Whether nobody has it any more, or will.
    pub(super) fn is_over(&self) -> bool {
        !self.ends.iter().any(|end| end.life.is_held())
    }

    /// Wakes who waits at an end.
    pub(super) fn wake(&mut self, side: Side, step: &mut Step<'_>) {
        step.wake(&mut self.from(side).writer);
        step.wake(&mut self.to(side).reader);
    }

    /// What the server's machine answered, or would have, does not come any more, and the client goes on
    /// asking. It does so when something changes, as it does with all that was not acknowledged.
    pub(super) fn ask_again(&mut self) {
        let Some(fortune) = self.asked else { return };
        let answer = self.from(Side::Server);
        if !answer.segments.is_empty() || self.life(Side::Client) != Life::Connecting {
            return;
        }
        let answer = self.from(Side::Server);
        answer.source_gone = false;
        // An arrival of the old answer may still be due.
        answer.first += 1;
        self.end(Side::Client).answer = None;
        self.end(Side::Server).life = Life::Unborn;
        let (cargo, whereabouts) = (Cargo::Syn, Whereabouts::Stalled);
        let syn = Segment { cargo, whereabouts, fortune, strike: None };
        self.from(Side::Client).push(syn, Duration::ZERO);
    }

    /// An end is reset: what was not yet read is gone, and what was not yet received.
    pub(super) fn reset(&mut self, side: Side, step: &mut Step<'_>) {
        if self.life(side).is_held() {
            // Of one that the server could not take yet there is nobody to tell.
            let expected = self.life(side) == Life::Expected;
            self.end(side).life = if expected { Life::Closed } else { Life::Reset };
            self.pipes.iter_mut().for_each(Pipe::flush);
            self.wake(side, step);
        }
    }
}
