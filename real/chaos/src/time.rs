//! The time since a run began, as two processes tell it alike.
//!
//! A history is in order of time, and this one is written by two processes: the coordinator's, which
//! comes and goes, and the one that starts and kills it. So they read one clock, `CLOCK_MONOTONIC`, which
//! counts from the start of the machine for all of its processes, and is never set; the beginning of the
//! run is handed over as a reading of it. [`std::time::Instant`] reads the same clock, but has no way out
//! of its process; the time of day has, but can be set while a run goes on.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// When a run began, as a reading of the machine's monotonic clock in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beginning(u64);

impl Beginning {
    /// A run begins now.
    pub fn now() -> Self {
        Self(monotonic())
    }

    /// The time since then.
    pub fn elapsed(self) -> Duration {
        Duration::from_nanos(monotonic().saturating_sub(self.0))
    }
}

fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let (seconds, nanos) = (u64::try_from(now.tv_sec), u64::try_from(now.tv_nsec));
    // Neither is negative: it counts up from the start of the machine.
    seconds.unwrap_or(0) * 1_000_000_000 + nanos.unwrap_or(0)
}
