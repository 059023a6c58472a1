//! A wait for a moment of virtual time that is armed once.
//!
//! madsim's own adds a timer each time it is polled and takes none back. The deadline of a call is
//! polled with every step of it, so most timers of a run were such, and each woke a task that had
//! long gone on. This one keeps a single timer whose waker is an alarm of its own: a poll changes
//! only whom that wakes, and a wait that is dropped wakes nobody.
//!
//! Absent: cancelling the timer itself, which stays in madsim's heap until it is due.

use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use madsim::time::{Instant, TimeHandle};

use crate::lock::lock;

/// Waits until a moment has come. Dropping it ends the wait.
#[derive(Debug)]
pub(crate) struct Sleep {
    due: Instant,
    alarm: Option<Arc<Alarm>>,
}

impl Sleep {
    /// At least a millisecond, as the timers of tokio and madsim take.
    ///
    /// # Panics
    /// Outside a madsim runtime.
    pub(crate) fn at_least(duration: Duration) -> Self {
        Self::exactly(duration.max(Duration::from_millis(1)))
    }

    /// Not a nanosecond more than this. Panics as [`at_least`](Self::at_least) does.
    pub(crate) fn exactly(duration: Duration) -> Self {
        Self { due: TimeHandle::current().now_instant() + duration, alarm: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(alarm) = &self.alarm {
            return alarm.poll(cx.waker());
        }
        let alarm = Arc::new(Alarm(Mutex::new(State::Waits(cx.waker().clone()))));
        let mut timer = TimeHandle::current().sleep_until(self.due);
        // `sleep_until` rounds up to a millisecond from now; this does not.
        Pin::new(&mut timer).reset(self.due);
        let armed =
            Pin::new(&mut timer).poll(&mut Context::from_waker(&Waker::from(alarm.clone())));
        self.alarm = Some(alarm);
        armed
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(alarm) = &self.alarm {
            drop(alarm.set(State::Given));
        }
    }
}

/// What a timer wakes.
#[derive(Debug)]
struct Alarm(Mutex<State>);

#[derive(Debug)]
enum State {
    /// It is not due yet, and then this is woken.
    Waits(Waker),
    /// It was due, or nobody waits any more.
    Given,
}

impl Alarm {
    fn poll(&self, waker: &Waker) -> Poll<()> {
        let mut state = lock(&self.0);
        match &mut *state {
            State::Given => return Poll::Ready(()),
            State::Waits(waiting) if waiting.will_wake(waker) => {}
            State::Waits(waiting) => {
                let replaced = mem::replace(waiting, waker.clone());
                // Dropped without the lock: it may be the last of a task.
                drop(state);
                drop(replaced);
            }
        }
        Poll::Pending
    }

    /// Returns what is to be woken, or dropped, without the lock.
    fn set(&self, state: State) -> State {
        mem::replace(&mut *lock(&self.0), state)
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        if let State::Waits(waiting) = self.set(State::Given) {
            waiting.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::FutureExt;
    use futures::future::{join, select};
    use futures::task::noop_waker_ref;
    use madsim::runtime::Runtime;

    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        Runtime::with_seed_and_config(1, madsim::Config::default()).block_on(future)
    }

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn it_takes_its_time_and_no_less_than_a_millisecond_if_so_asked() {
        run(async {
            let time = TimeHandle::current();
            let since = time.elapsed();
            Sleep::exactly(Duration::from_micros(7)).await;
            let exact = time.elapsed().saturating_sub(since);
            assert!((7_000..8_000).contains(&exact.as_nanos()), "{exact:?}");
            Sleep::at_least(Duration::ZERO).await;
            assert!(time.elapsed().saturating_sub(since) >= Duration::from_millis(1));
        });
    }

    #[test]
    fn however_often_it_is_polled_it_wakes_once_and_whoever_polled_last() {
        run(async {
            let (first, last) = (Arc::new(Count::default()), Arc::new(Count::default()));
            let mut sleep = Sleep::exactly(Duration::from_millis(5));
            for waker in [&first, &first, &last, &last] {
                let waker = Waker::from(waker.clone());
                assert!(sleep.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
            }
            Sleep::exactly(Duration::from_millis(6)).await;
            assert_eq!(first.0.load(Ordering::Relaxed), 0);
            assert_eq!(last.0.load(Ordering::Relaxed), 1);
            assert!(sleep.poll_unpin(&mut Context::from_waker(noop_waker_ref())).is_ready());
        });
    }

    #[test]
    fn one_that_is_dropped_wakes_nobody() {
        run(async {
            let count = Arc::new(Count::default());
            let mut sleep = Sleep::exactly(Duration::from_millis(5));
            let waker = Waker::from(count.clone());
            assert!(sleep.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
            drop(sleep);
            Sleep::exactly(Duration::from_millis(6)).await;
            assert_eq!(count.0.load(Ordering::Relaxed), 0);
        });
    }

    #[test]
    fn many_come_in_the_order_they_are_due() {
        run(async {
            let order = Mutex::new(Vec::new());
            let after = |ms: u64| {
                let order = &order;
                async move {
                    Sleep::exactly(Duration::from_millis(ms)).await;
                    lock(order).push(ms);
                }
            };
            join(join(after(3), after(1)), select(Box::pin(after(2)), Box::pin(after(9)))).await;
            assert_eq!(*lock(&order), [1, 2, 3]);
        });
    }
}
