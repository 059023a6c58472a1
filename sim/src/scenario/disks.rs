//! How long calls of the disks take, as a scenario has it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::disk::DiskLatency;

/// How long calls of disks take, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Disks {
    /// The longest call of a participant's disk but a sync; the shortest takes no time.
    pub call_us: u64,
    /// The shortest and the longest sync of it.
    pub sync_us: (u64, u64),
    /// The longest call of the disk under the decision log but a sync.
    pub log_call_us: u64,
    /// The shortest and the longest sync of it.
    pub log_sync_us: (u64, u64),
    /// Which of its possible ends what is not synced comes to at a crash: each number is another draw.
    #[serde(skip_serializing_if = "is_first")]
    pub fate: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_first(fate: &u32) -> bool {
    *fate == 0
}

impl Default for Disks {
    /// A sync is what takes time.
    fn default() -> Self {
        let sync_us = (1_000, 6_000);
        Self { call_us: 0, sync_us, log_call_us: 0, log_sync_us: sync_us, fate: 0 }
    }
}

impl Disks {
    /// As the disk of a participant takes it.
    pub(crate) fn of_participant(&self) -> DiskLatency {
        latency(self.call_us, self.sync_us)
    }

    /// As the disk under the decision log takes it.
    pub(crate) fn of_log(&self) -> DiskLatency {
        latency(self.log_call_us, self.log_sync_us)
    }
}

fn latency(call_us: u64, (low, high): (u64, u64)) -> DiskLatency {
    let us = Duration::from_micros;
    DiskLatency { call: (Duration::ZERO, us(call_us)), sync: (us(low), us(high)) }
}
