//! Virtual time: waiting in it, and stamping the history with it.

mod sleep;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use indoubt::Clock;
use madsim::time::TimeHandle;

use crate::history::{Event, Recorder};
use crate::sentry::{Sentry, Sign};

pub(crate) use sleep::Sleep;

/// madsim's virtual time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimClock;

impl Clock for SimClock {
    async fn sleep(&self, duration: Duration) {
        Sleep::at_least(duration).await;
    }
}

/// What comes within this time. What does not is dropped, wherever it is.
pub(crate) async fn within<T>(patience: Duration, future: impl Future<Output = T>) -> Option<T> {
    match select(pin!(future), pin!(SimClock.sleep(patience))).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(((), _)) => None,
    }
}

/// A recorder that stamps each event with the time since the run began, which is virtual in a simulation.
#[derive(Clone)]
pub struct Timed {
    recorder: Recorder,
    sentry: Sentry,
    time: Source,
}

/// What tells the time since the run began.
#[derive(Clone)]
enum Source {
    Virtual { time: TimeHandle, start: Duration },
    Given(Arc<dyn Fn() -> Duration + Send + Sync>),
}

impl Timed {
    /// Starts counting now, and tells this sentry of each event.
    ///
    /// # Panics
    /// Outside a madsim runtime.
    pub fn start(recorder: Recorder, sentry: Sentry) -> Self {
        let time = TimeHandle::current();
        Self { recorder, sentry, time: Source::Virtual { start: time.elapsed(), time } }
    }

    /// Counts as it is told to: for a run that is no simulation, but is judged like one.
    pub fn told(
        recorder: Recorder,
        since_the_start: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        let (sentry, time) = (Sentry::default(), Source::Given(Arc::new(since_the_start)));
        Self { recorder, sentry, time }
    }

    /// The time since the start.
    pub fn now(&self) -> Duration {
        match &self.time {
            Source::Virtual { time, start } => time.elapsed().saturating_sub(*start),
            Source::Given(now) => now(),
        }
    }

    /// What something makes of the last event of which it makes anything.
    pub(crate) fn last<T>(&self, of: impl FnMut(&Event) -> Option<T>) -> Option<T> {
        self.recorder.last(of)
    }

    /// Writes an event down.
    pub fn record(&self, event: Event) {
        if self.sentry.is_heard() {
            self.recorder.record(self.now(), event.clone());
            self.sentry.tell(Sign::Event(&event));
        } else {
            self.recorder.record(self.now(), event);
        }
    }
}
