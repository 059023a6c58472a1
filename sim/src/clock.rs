//! The clock of a machine: it runs fast or slow, and jumps ahead.
//!
//! Deadlines are waited for on it, those of a coordinator and those after which a participant gives up
//! a session. Absent is what time of day it is, for nothing in the protocol asks: two clocks that
//! merely differ are the same here.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::select;
use indoubt::Clock;
use madsim::time::TimeHandle;

use crate::lock::lock;
use crate::time::SimClock;

/// The clock of one machine. Clones show the same.
#[derive(Clone, Debug)]
pub struct NodeClock {
    /// Of 1000 virtual milliseconds it counts so many.
    rate_permille: u32,
    /// Where it can jump.
    jumps: Option<Arc<Mutex<Jumps>>>,
}

/// How a clock has jumped, and who has to look at it anew when it does.
#[derive(Debug, Default)]
struct Jumps {
    ahead: Duration,
    sleepers: Vec<oneshot::Sender<()>>,
}

impl NodeClock {
    /// A clock that counts so many of 1000 milliseconds, and jumps if it is told to.
    pub fn new(rate_permille: u32, jumps: bool) -> Self {
        Self { rate_permille, jumps: jumps.then(Arc::default) }
    }

    /// Whether it is fast or slow.
    pub(crate) const fn drifts(&self) -> bool {
        self.rate_permille != 1_000
    }

    /// What it shows.
    ///
    /// # Panics
    /// Outside a madsim runtime.
    pub fn now(&self) -> Duration {
        let ahead = self.jumps.as_ref().map_or(Duration::ZERO, |jumps| lock(jumps).ahead);
        TimeHandle::current().elapsed() * self.rate_permille / 1_000 + ahead
    }

    /// It jumps ahead, and who sleeps by it wakes so much earlier.
    pub fn jump(&self, by: Duration) {
        let Some(jumps) = &self.jumps else { return };
        let sleepers = {
            let mut jumps = lock(jumps);
            jumps.ahead += by;
            std::mem::take(&mut jumps.sleepers)
        };
        for sleeper in sleepers {
            // Whoever sleeps no longer need not know.
            let _gone = sleeper.send(());
        }
    }

    /// Comes with the next jump.
    async fn jumps(&self) {
        let Some(jumps) = &self.jumps else { return std::future::pending().await };
        let (sender, jumped) = oneshot::channel();
        {
            let sleepers = &mut lock(jumps).sleepers;
            if sleepers.len() == sleepers.capacity() {
                sleepers.retain(|sleeper| !sleeper.is_canceled());
            }
            sleepers.push(sender);
        }
        let _jumped = jumped.await;
    }
}

impl Clock for NodeClock {
    async fn sleep(&self, duration: Duration) {
        if self.rate_permille == 1_000 && self.jumps.is_none() {
            return SimClock.sleep(duration).await;
        }
        let due = self.now() + duration;
        loop {
            let left = due.saturating_sub(self.now()) * 1_000 / self.rate_permille;
            if left.is_zero() {
                return;
            }
            select(pin!(SimClock.sleep(left)), pin!(self.jumps())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join;
    use madsim::runtime::Runtime;

    use super::*;

    fn slept(clock: &NodeClock, jump: Option<Duration>) -> Duration {
        Runtime::with_seed_and_config(1, madsim::Config::default()).block_on(async {
            let jumping = async {
                if let Some(by) = jump {
                    SimClock.sleep(Duration::from_millis(100)).await;
                    clock.jump(by);
                }
            };
            let since = TimeHandle::current().elapsed();
            let sleeping = async {
                clock.sleep(Duration::from_secs(1)).await;
                TimeHandle::current().elapsed().saturating_sub(since)
            };
            join(jumping, sleeping).await.1
        })
    }

    fn assert_about(slept: Duration, ms: u64) {
        let about = Duration::from_millis(ms)..Duration::from_millis(ms + 3);
        assert!(about.contains(&slept), "{slept:?}, and not about {ms} ms");
    }

    #[test]
    fn a_clock_that_is_fast_or_slow_shortens_or_stretches_a_sleep() {
        assert_about(slept(&NodeClock::new(1_000, false), None), 1_000);
        assert_about(slept(&NodeClock::new(1_250, false), None), 800);
        assert_about(slept(&NodeClock::new(800, true), None), 1_250);
    }

    #[test]
    fn who_sleeps_wakes_earlier_by_a_jump() {
        let jump = |ms| Some(Duration::from_millis(ms));
        assert_about(slept(&NodeClock::new(1_000, true), jump(300)), 700);
        assert_about(slept(&NodeClock::new(1_000, true), jump(5_000)), 100);
    }
}
