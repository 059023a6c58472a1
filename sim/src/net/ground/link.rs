//! One direction between two nodes: its options, its random stream and the fate of what it carries.
//!
//! Deliberately absent: order. A packet's latency depends on no other packet, as in any datagram
//! network; give a link a fixed latency to have it in order.

use std::time::Duration;

use crate::draw::Draw;

/// The least time a packet takes, between nodes or from a node to itself.
///
/// Never zero: a send must not be received before the sending task has gone on.
pub(in crate::net) const MINIMUM_LATENCY: Duration = Duration::from_micros(1);

/// How one direction treats packets. The default has a latency and no faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkOptions {
    /// The shortest latency; at least a microsecond is taken.
    pub latency_min: Duration,
    /// The longest latency of a packet without a fault.
    pub latency_max: Duration,
    /// How many packets in a thousand belong to the heavy tail.
    pub slow_permille: u16,
    /// What the heavy tail multiplies a latency by.
    pub slow_factor: u32,
    /// How many packets in a thousand are lost.
    pub loss_permille: u16,
    /// How many packets in a thousand arrive a second time, one more latency later.
    pub duplicate_permille: u16,
    /// How many packets in a thousand are held back.
    pub reorder_permille: u16,
    /// The longest time a packet is held back.
    pub reorder_delay: Duration,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            latency_min: Duration::from_micros(200),
            latency_max: Duration::from_millis(2),
            slow_permille: 0,
            slow_factor: 20,
            loss_permille: 0,
            duplicate_permille: 0,
            reorder_permille: 0,
            reorder_delay: Duration::from_millis(10),
        }
    }
}

/// What becomes of one packet.
#[expect(clippy::struct_excessive_bools, reason = "each of them strikes, or not, for itself")]
pub(in crate::net) struct Fate {
    pub(in crate::net) lost: bool,
    pub(in crate::net) slowed: bool,
    pub(in crate::net) dragged: bool,
    pub(in crate::net) reordered: bool,
    /// From the send to the arrival.
    pub(in crate::net) delay: Duration,
    /// From the send to the second arrival, which is later than the first.
    pub(in crate::net) second_delay: Option<Duration>,
}

/// One direction between two nodes.
pub(in crate::net) struct Link {
    pub(in crate::net) options: LinkOptions,
    pub(in crate::net) cut: bool,
    /// What latencies are multiplied by, beside the heavy tail.
    pub(in crate::net) drag: u32,
    draw: Draw,
}

impl Link {
    pub(in crate::net) const fn new(options: LinkOptions, draw: Draw) -> Self {
        Self { options, cut: false, drag: 1, draw }
    }

    /// Decides about the next packet. `drag` is the receiver's.
    pub(in crate::net) fn next_fate(&mut self, drag: u32) -> Fate {
        fate(&self.options, drag.max(self.drag), &mut self.draw)
    }
}

/// Decides about a packet, or a segment of a stream, that takes so many `times` as long.
///
/// Everything is drawn whether it applies or not: switching a fault off must leave the fates of all
/// others, and all else about this one, as they were.
pub(in crate::net) fn fate(options: &LinkOptions, times: u32, draw: &mut Draw) -> Fate {
    let lost = draw.permille(options.loss_permille);
    let duplicated = draw.permille(options.duplicate_permille);
    let reordered = draw.permille(options.reorder_permille);
    let slowed = draw.permille(options.slow_permille);
    let latency = draw.between(options.latency_min, options.latency_max);
    let second_latency = draw.between(options.latency_min, options.latency_max);
    let held_back = draw.between(Duration::ZERO, options.reorder_delay);

    let mut delay = latency.max(MINIMUM_LATENCY);
    let dragged = times > 1;
    if slowed || dragged {
        delay *= times.max(if slowed { options.slow_factor } else { 1 });
    }
    if reordered {
        delay += held_back;
    }
    let second_delay = duplicated.then_some(delay + second_latency.max(MINIMUM_LATENCY));
    Fate { lost, slowed, dragged, reordered, delay, second_delay }
}
