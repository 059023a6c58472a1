//! How large the buffers of a connection are, and how long a sender waits before it sends again.

use std::time::Duration;

/// The most bytes that one segment carries.
///
/// So large that a write is one segment in ordinary use: otherwise the number of segments, and with it
/// what is drawn, would depend on how long messages are.
pub(super) const MAXIMUM_SEGMENT: usize = 16 << 20;

/// What both ends of a connection are configured to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// How many bytes a sender keeps beyond what its peer has room for.
    pub send_buffer: usize,
    /// How many bytes a receiver keeps that have not been read.
    pub receive_window: usize,
    /// The shortest time after which a segment is sent again that was lost, or met a cut or a machine
    /// without power; counted from its loss, or from the end of the outage.
    pub retransmission_min: Duration,
    /// The longest such time.
    pub retransmission_max: Duration,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            send_buffer: 64 << 10,
            receive_window: 64 << 10,
            retransmission_min: Duration::from_millis(200),
            retransmission_max: Duration::from_millis(400),
        }
    }
}

impl StreamOptions {
    /// How many bytes a writer may be ahead of what has been read.
    pub(super) const fn capacity(&self) -> usize {
        self.send_buffer + self.receive_window
    }
}
