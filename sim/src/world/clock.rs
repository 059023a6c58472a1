//! Virtual time: waiting in it, and stamping the history with it.

use std::time::Duration;

use indoubt::Clock;
use madsim::time::Instant;

use super::Desk;
use crate::history::{Event, Recorder};

/// madsim's virtual time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimClock;

impl Clock for SimClock {
    async fn sleep(&self, duration: Duration) {
        madsim::time::sleep(duration).await;
    }
}

/// A coordinator's clock: virtual time, unless somebody decides when its waits are over.
#[derive(Clone, Default)]
pub struct CoordinatorClock {
    desk: Option<Desk>,
}

impl CoordinatorClock {
    /// Virtual time, if there is no desk.
    pub(super) const fn new(desk: Option<Desk>) -> Self {
        Self { desk }
    }
}

impl Clock for CoordinatorClock {
    async fn sleep(&self, duration: Duration) {
        if let Some(desk) = &self.desk
            && desk.wait(duration).await.is_some()
        {
            return;
        }
        SimClock.sleep(duration).await;
    }
}

/// A recorder that stamps each event with the virtual time since the run began.
#[derive(Clone)]
pub struct Timed {
    recorder: Recorder,
    start: Instant,
}

impl Timed {
    /// Starts counting now.
    #[expect(clippy::disallowed_methods, reason = "madsim's own clock, which is virtual")]
    pub fn start(recorder: Recorder) -> Self {
        Self { recorder, start: Instant::now() }
    }

    /// The virtual time since the start.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Writes an event down.
    pub fn record(&self, event: Event) {
        self.recorder.record(self.now(), event);
    }
}
