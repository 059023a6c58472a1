//! What travels in one direction of a connection, and what was drawn for it.
//!
//! Nothing here asks how many bytes there are: a client may name its statements by a counter of its
//! process, and then the length of what it says differs between two runs of one seed.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{aim::Strike, options::StreamOptions, step::Step};
use crate::draw::Draw;
use crate::net::ground::{Happening, MINIMUM_LATENCY, NodeId, fate};

/// Keeps the streams' draws apart from those of datagrams and all others of the same seed.
const SEGMENT_STREAMS: u64 = 0x6e65_7401_0000_0000;

/// What a segment is for.
pub(super) enum Cargo {
    /// Asks for a connection.
    Syn,
    /// Agrees to it.
    SynAck,
    /// Declines: nobody listens.
    Refusal,
    /// Ends the handshake.
    Ack,
    /// What was written at once.
    Data(Vec<u8>),
    /// Nothing more will be written.
    Fin,
}

/// Where a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// It has a time at which it arrives.
    UnderWay,
    /// It was not acknowledged, and is sent again when something changes.
    Stalled,
    /// It has arrived, and one before it has not.
    Ahead,
}

/// A segment that has not been received in its order.
pub(super) struct Segment {
    pub(super) cargo: Cargo,
    pub(super) whereabouts: Whereabouts,
    pub(super) fortune: Fortune,
    pub(super) strike: Option<Strike>,
}

/// What was drawn for a segment.
#[derive(Clone, Copy)]
pub(super) struct Fortune {
    /// From the send to the arrival.
    pub(super) delay: Duration,
    /// Its first sending did not arrive.
    pub(super) lost: bool,
    /// After how long it is sent again.
    pub(super) retransmission: Duration,
    /// How long a reset takes that answers it.
    pub(super) answer: Duration,
}

/// A random stream for each directed link, beside those of the datagrams.
pub(super) struct Fortunes {
    seed: u64,
    /// Those that have been needed: a run without streams pays nothing.
    draws: BTreeMap<(NodeId, NodeId), Draw>,
}

impl Fortunes {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, draws: BTreeMap::new() }
    }

    /// Draws for the next segment: everything, whatever of it applies.
    pub(super) fn next(
        &mut self,
        (from, to): (NodeId, NodeId),
        options: &StreamOptions,
        step: &mut Step<'_>,
    ) -> Fortune {
        let ends = u64::from(u16::from_be_bytes([from.0, to.0]));
        let seed = self.seed;
        let draw = self.draws.entry((from, to));
        let draw = draw.or_insert_with(|| Draw::new(seed, SEGMENT_STREAMS | ends));
        let times = step.ways.drag_of(from, to);
        let fate = fate(&step.ways.link(from, to).options, times, draw);
        let retransmission = draw.between(options.retransmission_min, options.retransmission_max);
        let back = &step.ways.link(to, from).options;
        let answer = draw.between(back.latency_min, back.latency_max);

        let retransmission = retransmission.max(MINIMUM_LATENCY);
        if from == to {
            let delay = MINIMUM_LATENCY;
            return Fortune { delay, lost: false, retransmission, answer: delay };
        }
        let answer = answer.max(MINIMUM_LATENCY) * step.ways.drag_of(to, from);
        let happenings = [
            (fate.lost, Happening::SegmentLost),
            (fate.dragged, Happening::SegmentDragged),
            (fate.slowed, Happening::SegmentSlowed),
            (fate.reordered, Happening::SegmentHeldBack),
        ];
        for (_, happening) in happenings.into_iter().filter(|(happens, _)| *happens) {
            step.record.note(happening, step.now, from, to);
        }
        let again = if fate.lost { retransmission } else { Duration::ZERO };
        Fortune { delay: fate.delay + again, lost: fate.lost, retransmission, answer }
    }
}
