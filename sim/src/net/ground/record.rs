//! What happened on the network: counted, for a fault that never fired proves nothing, and
//! hashed, so that a replay can be compared with its original.

use std::time::Duration;

use super::{NetStats, NodeId, StreamStats};
use crate::trace::Trace;

/// What the record tells apart. The trace takes the numbers, so they are part of its format.
#[derive(Clone, Copy)]
pub(in crate::net) enum Happening {
    Sent = 1,
    Lost = 2,
    Slowed = 3,
    Reordered = 4,
    Duplicated = 5,
    /// Put on the wire: the time is that of the arrival.
    UnderWay = 6,
    Delivered = 7,
    Cut = 8,
    Dead = 9,
    Aimed = 10,
    Dragged = 11,
    Dialled = 32,
    Accepted = 33,
    Refused = 34,
    SegmentSent = 35,
    SegmentLost = 36,
    SegmentDragged = 37,
    SegmentSlowed = 38,
    SegmentHeldBack = 39,
    SegmentAimed = 40,
    SegmentStalled = 41,
    SegmentArrived = 42,
    Reset = 43,
    HalfOpen = 44,
    ResetLost = 45,
}

/// The one place where what happens is noted.
#[derive(Default)]
pub(in crate::net) struct Record {
    stats: NetStats,
    streams: StreamStats,
    trace: Trace,
}

impl Record {
    pub(in crate::net) fn note(
        &mut self,
        what: Happening,
        time: Duration,
        from: NodeId,
        to: NodeId,
    ) {
        self.trace.word(u64::from(u32::from_be_bytes([0, what as u8, from.0, to.0])));
        self.trace.word((time.as_secs() << 32) | u64::from(time.subsec_nanos()));
        let counter = match what {
            Happening::UnderWay => return,
            Happening::Sent => &mut self.stats.sent,
            Happening::Lost => &mut self.stats.lost,
            Happening::Slowed => &mut self.stats.slowed,
            Happening::Reordered => &mut self.stats.reordered,
            Happening::Duplicated => &mut self.stats.duplicated,
            Happening::Delivered => &mut self.stats.delivered,
            Happening::Cut => &mut self.stats.cut_dropped,
            Happening::Aimed => &mut self.stats.aimed,
            Happening::Dragged => &mut self.stats.dragged,
            Happening::Dead => &mut self.stats.dead_dropped,
            Happening::Dialled => &mut self.streams.dialled,
            Happening::Accepted => &mut self.streams.accepted,
            Happening::Refused => &mut self.streams.refused,
            Happening::SegmentSent => &mut self.streams.sent,
            Happening::SegmentLost => &mut self.streams.lost,
            Happening::SegmentDragged => &mut self.streams.dragged,
            Happening::SegmentSlowed => &mut self.streams.slowed,
            Happening::SegmentHeldBack => &mut self.streams.held_back,
            Happening::SegmentAimed => &mut self.streams.aimed,
            Happening::SegmentStalled => &mut self.streams.stalled,
            Happening::SegmentArrived => &mut self.streams.arrived,
            Happening::Reset => &mut self.streams.reset,
            Happening::HalfOpen => &mut self.streams.half_open,
            Happening::ResetLost => &mut self.streams.resets_lost,
        };
        *counter += 1;
    }

    pub(in crate::net) const fn stats(&self) -> NetStats {
        self.stats
    }

    pub(in crate::net) const fn stream_stats(&self) -> StreamStats {
        self.streams
    }

    pub(in crate::net) const fn trace_hash(&self) -> u64 {
        self.trace.hash()
    }
}
