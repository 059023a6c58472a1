//! How often what happened, for a fault that never fired proves nothing.

/// Counters of one network, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetStats {
    /// Sends by live endpoints, to any node and whatever became of them.
    pub sent: u64,
    /// Arrivals in an inbox. A duplicated packet can count twice.
    pub delivered: u64,
    /// Packets lost at random.
    pub lost: u64,
    /// Packets given a second delivery.
    pub duplicated: u64,
    /// Packets held back so that later ones can overtake them.
    pub reordered: u64,
    /// Packets of the heavy tail.
    pub slowed: u64,
    /// Packets that a fault was aimed at.
    pub aimed: u64,
    /// Packets on a slow link, or to a slow node.
    pub dragged: u64,
    /// Arrivals prevented by a cut, at the send or under way.
    pub cut_dropped: u64,
    /// Arrivals for a node that was down, or had crashed since the send.
    pub dead_dropped: u64,
}

/// Counters of the streams of one network, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamStats {
    /// Attempts to connect.
    pub dialled: u64,
    /// Connections that a server took.
    pub accepted: u64,
    /// Attempts that were told that nobody listens.
    pub refused: u64,
    /// Segments sent, of the handshake and the end too, and whatever became of them.
    pub sent: u64,
    /// Segments that arrived, each once.
    pub arrived: u64,
    /// Segments, and resets, whose first sending was lost at random.
    pub lost: u64,
    /// Segments on a slow link, or to a slow node.
    pub dragged: u64,
    /// Segments of the heavy tail.
    pub slowed: u64,
    /// Segments held back, with all behind them.
    pub held_back: u64,
    /// Segments that a fault was aimed at, and struck.
    pub aimed: u64,
    /// Arrivals put off by a cut, or by a machine without power.
    pub stalled: u64,
    /// Ends that were reset, except those of half-open connections.
    pub reset: u64,
    /// Ends that learnt by a reset that the other one had vanished.
    pub half_open: u64,
    /// Resets that met a cut or a machine without power, or were lost at random.
    pub resets_lost: u64,
}
