//! One direction of a connection: what is under way in it, and what has arrived and was not read.
//!
//! Bytes are never lost, doubled or out of order here, as TCP promises while both ends live: segments
//! have numbers, and one that arrives ahead of another waits for it. What a link does to packets
//! shows as delay only.
//!
//! A writer may be ahead of what has been read by the send buffer and the receive window together.
//! What was read is told to it on the way back, which takes time and does not pass a cut. No random
//! number is drawn for that and, unless a writer waits, no timer armed: reads come in as many pieces
//! as there are bytes, and nothing else may depend on those. Deliberately absent is the difference
//! between the two buffers: what the window has no room for is under way already.

use std::{collections::VecDeque, task::Waker, time::Duration};

use super::aim::StreamDeed;
use super::segment::{Cargo, Segment, Whereabouts};
use super::step::Later;
use crate::net::ground::{MINIMUM_LATENCY, NodeId, Ways};

/// What was written at once, as far as it has not been read.
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    pub(super) read: usize,
    /// What happens when all of it has been read.
    pub(super) strike: Option<StreamDeed>,
}

/// One direction of a connection.
#[expect(clippy::struct_excessive_bools, reason = "each comes about for itself, and stays")]
pub(super) struct Pipe {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) segments: VecDeque<Segment>,
    /// The number of the first of them.
    pub(super) first: u64,
    /// Before this nothing more arrives.
    pub(super) last_due: Duration,
    /// Its sender has lost power, and sends nothing again.
    pub(super) source_gone: bool,
    /// Nothing arrives any more.
    pub(super) swallows: bool,
    pub(super) unread: VecDeque<Chunk>,
    /// All that was written has arrived.
    pub(super) ended: bool,
    /// Nothing more may be written.
    pub(super) shut: bool,
    /// Bytes of which the writer does not know that they were read.
    pub(super) held: usize,
    /// What was read, and when the writer learns it.
    pub(super) credits: VecDeque<(Duration, usize)>,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

impl Pipe {
    pub(super) const fn new(from: NodeId, to: NodeId) -> Self {
        Self {
            from,
            to,
            segments: VecDeque::new(),
            first: 0,
            last_due: Duration::ZERO,
            source_gone: false,
            swallows: false,
            unread: VecDeque::new(),
            ended: false,
            shut: false,
            held: 0,
            credits: VecDeque::new(),
            reader: None,
            writer: None,
        }
    }

    /// Puts a segment behind the others that arrives no earlier than `due`. Its number, and when it
    /// arrives.
    pub(super) fn push(&mut self, segment: Segment, due: Duration) -> (u64, Duration) {
        let number = self.first + self.segments.len() as u64;
        self.last_due = self.last_due.max(due);
        self.segments.push_back(segment);
        (number, self.last_due)
    }

    /// A segment that has not been received.
    pub(super) fn segment(&mut self, number: u64) -> Option<&mut Segment> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.segments.get_mut(index)
    }

    /// The next segment in order, if it has arrived.
    pub(super) fn arrived(&mut self) -> Option<&mut Segment> {
        let front = self.segments.front_mut();
        front.filter(|segment| segment.whereabouts == Whereabouts::Ahead)
    }

    pub(super) fn pop(&mut self) -> Option<Cargo> {
        let segment = self.segments.pop_front()?;
        self.first += 1;
        Some(segment.cargo)
    }

    /// Forgets the segments from this one on: nothing behind a gap is ever received.
    pub(super) fn forget_from(&mut self, number: u64) {
        let index = number.saturating_sub(self.first);
        self.segments.truncate(usize::try_from(index).unwrap_or(usize::MAX));
    }

    /// The sender's machine is without power, and so is gone what it would have to send again.
    pub(super) fn lose_source(&mut self) {
        self.source_gone = true;
        let kept = |segment: &Segment| {
            segment.whereabouts == Whereabouts::Ahead
                || segment.whereabouts == Whereabouts::UnderWay && !segment.fortune.lost
        };
        let gap = self.segments.iter().position(|segment| !kept(segment));
        self.segments.truncate(gap.unwrap_or(usize::MAX));
    }

    /// The receiver's machine is without power. What it had not acknowledged is sent again.
    pub(super) fn lose_destination(&mut self, later: &mut Later) {
        self.unread.clear();
        later.remains.extend(self.reader.take());
        for segment in &mut self.segments {
            if segment.whereabouts == Whereabouts::Ahead {
                segment.whereabouts = Whereabouts::Stalled;
            }
        }
    }

    /// Sends again what has stalled. The numbers, and when they arrive.
    pub(super) fn retransmit(&mut self, now: Duration) -> Vec<(u64, Duration)> {
        let mut due = now + MINIMUM_LATENCY;
        let mut again = Vec::new();
        for (number, segment) in (self.first..).zip(&mut self.segments) {
            if segment.whereabouts == Whereabouts::Stalled {
                segment.whereabouts = Whereabouts::UnderWay;
                due = due.max(now + segment.fortune.retransmission);
                again.push((number, due));
            }
        }
        self.last_due = self.last_due.max(due);
        again
    }

    /// Nothing in it is struck any more.
    pub(super) fn spare(&mut self) {
        for segment in &mut self.segments {
            segment.strike = None;
        }
        for chunk in &mut self.unread {
            chunk.strike = None;
        }
    }

    /// Forgets all segments. Their numbers are not given again.
    pub(super) fn forget_all(&mut self) {
        self.first += self.segments.len() as u64;
        self.segments.clear();
    }

    /// Forgets all that is in it.
    pub(super) fn flush(&mut self) {
        self.forget_all();
        self.unread.clear();
        self.credits.clear();
        self.held = 0;
    }

    /// So many bytes were read: when their writer learns it.
    pub(super) fn give_credit(&mut self, bytes: usize, now: Duration, ways: &Ways) -> Duration {
        let latency = if self.from == self.to {
            MINIMUM_LATENCY
        } else {
            let latency = ways.link(self.to, self.from).options.latency_min;
            latency.max(MINIMUM_LATENCY) * ways.drag_of(self.to, self.from)
        };
        let last = self.credits.back().map_or(Duration::ZERO, |(due, _)| *due);
        let due = last.max(now + latency);
        match self.credits.back_mut() {
            Some((last, more)) if *last == due => *more += bytes,
            _ => self.credits.push_back((due, bytes)),
        }
        due
    }

    /// The writer learns what it can by now of what was read.
    pub(super) fn take_credit(&mut self, now: Duration, ways: &Ways) {
        while let Some((due, bytes)) = self.credits.front()
            && *due <= now
            && !ways.is_cut(self.to, self.from)
        {
            self.held = self.held.saturating_sub(*bytes);
            self.credits.pop_front();
        }
    }
}
