//! The faults of a schedule.

use serde::{Deserialize, Serialize};

use crate::history::Place;

/// One fault of the schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// When it begins, in milliseconds from the start.
    pub at_ms: u64,
    /// How long it lasts, in milliseconds; at the end of all faults it ends in any case.
    pub for_ms: u64,
    /// What it is.
    #[serde(flatten)]
    pub kind: FaultKind,
}

/// The kinds of fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// The place loses power: memory is gone, unsynced writes are lost or torn.
    Crash {
        /// Which place.
        place: Place,
    },
    /// Packets from one place to the other vanish; the other way they pass.
    CutOneWay {
        /// The sender.
        from: Place,
        /// The receiver.
        to: Place,
    },
    /// Packets between two places vanish in both directions.
    Cut {
        /// One place.
        a: Place,
        /// The other.
        b: Place,
    },
    /// Some writes, syncs and reads of the place's disk fail.
    Disk {
        /// Which place.
        place: Place,
        /// How many of 1000 syncs fail, with what they should have made durable lost.
        sync_permille: u16,
        /// How many of 1000 appends fail halfway.
        short_permille: u16,
        /// How many of 1000 reads fail.
        read_permille: u16,
    },
    /// The place's disk is full.
    DiskFull {
        /// Which place.
        place: Place,
    },
    /// The place's disk stops: no call of it returns until the fault ends. A participant in that
    /// state still lists its branches, and finishes none.
    DiskStuck {
        /// Which place.
        place: Place,
    },
    /// The lock on the decision log is broken, and a second coordinator opens the log while
    /// the first goes on.
    Takeover,
    /// An operator ends a prepared branch by hand.
    Operator {
        /// At which participant.
        p: u8,
        /// Commits it, or rolls it back.
        commit: bool,
    },
    /// A participant loses all evidence of how the transactions ended that have.
    Forget {
        /// Which participant.
        p: u8,
    },
    /// A participant's standby stops receiving at the beginning, and takes its place at the end: what
    /// has become durable in between is lost.
    Failover {
        /// Which participant.
        p: u8,
    },
    /// Another process runs under the coordinator's id, over a directory of its own, and sweeps.
    Rival,
}
