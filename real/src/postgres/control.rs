//! The sessions on which branches are ended that have none of their own.
//!
//! A few for each participant, opened when needed: after a crash there may be thousands of
//! branches to finish, and a server has few connections. Whoever uses one has it alone. Who finds
//! all of them in use waits for its turn, in the order of asking.
//!
//! Sessions that are idle are kept, and those that nobody has needed between two listings are
//! closed, but one. Absent: a clock for that; a sweep lists often enough.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, select};
use indoubt::Lost;
use tokio_postgres::Config;

use super::dial::Dialer;
use super::session::Session;
use super::sql;

/// How long an idle session may take to say that it is alive, before another is opened.
const PING_WITHIN: Duration = Duration::from_secs(2);

/// Places for sessions, at most so many in use at a time.
pub(super) struct Control {
    places: Arc<Mutex<Places>>,
}

struct Places {
    free: usize,
    /// The one used last at the end, each with the round in which it was used.
    idle: Vec<(Session, u64)>,
    round: u64,
    /// In the order of asking; only while nothing is free.
    waiting: VecDeque<oneshot::Sender<Place>>,
}

/// The right to have one session; whoever waits longest gets it when this is dropped.
struct Place {
    places: Arc<Mutex<Places>>,
    /// It came back from one who did not want it any more, and is somebody else's.
    passed_on: bool,
}

/// A control session, in use.
///
/// # Cancel safety
/// Only [`keep`](Self::keep) puts it back. If a future that has it is dropped, it is closed: a
/// statement given up on may still occupy it for long.
pub(super) struct Lease {
    session: Session,
    place: Place,
}

impl Control {
    pub(super) fn new(most: usize) -> Self {
        let places = Places { free: most, idle: Vec::new(), round: 0, waiting: VecDeque::new() };
        Self { places: Arc::new(Mutex::new(places)) }
    }

    /// Waits for a place, and sees to it that its session is alive.
    ///
    /// # Cancel safety
    /// Dropping the future gives its place, or its turn, to the next.
    pub(super) async fn lease<D: Dialer>(
        &self,
        dialer: &D,
        config: &Config,
    ) -> Result<Lease, Lost> {
        let place = self.place().await?;
        while let Some(session) = place.idle() {
            if is_alive(&session, dialer).await {
                return Ok(Lease { session, place });
            }
        }
        let session = Session::open_pinned(dialer, config).await;
        let session = session.map_err(|error| Lost::new(error.to_string()))?;
        Ok(Lease { session, place })
    }

    /// Closes the sessions that were not used since the last time but one that this was called,
    /// except one.
    pub(super) fn tidy(&self) {
        let closed: Vec<_> = {
            let mut places = lock(&self.places);
            places.round += 1;
            let round = places.round;
            let stale = places.idle.iter().take_while(|(_, used)| used + 1 < round).count();
            let stale = stale.min(places.idle.len().saturating_sub(1));
            places.idle.drain(..stale).collect()
        };
        drop(closed);
    }

    async fn place(&self) -> Result<Place, Lost> {
        let turn = {
            let mut places = lock(&self.places);
            if places.free > 0 {
                places.free -= 1;
                return Ok(Place::new(&self.places));
            }
            let (next, turn) = oneshot::channel();
            places.waiting.push_back(next);
            turn
        };
        turn.await.map_err(|oneshot::Canceled| Lost::new("the participant is gone"))
    }
}

async fn is_alive<D: Dialer>(session: &Session, dialer: &D) -> bool {
    let (answer, limit) = (pin!(session.run(sql::PING)), pin!(dialer.sleep(PING_WITHIN)));
    matches!(select(answer, limit).await, Either::Left((Ok(()), _)))
}

impl Place {
    fn new(places: &Arc<Mutex<Places>>) -> Self {
        Self { places: places.clone(), passed_on: false }
    }

    fn idle(&self) -> Option<Session> {
        lock(&self.places).idle.pop().map(|(session, _)| session)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.passed_on {
            return;
        }
        loop {
            let next = {
                let mut places = lock(&self.places);
                let Some(next) = places.waiting.pop_front() else {
                    places.free += 1;
                    return;
                };
                next
            };
            match next.send(Self::new(&self.places)) {
                Ok(()) => return,
                // It has stopped waiting.
                Err(mut unwanted) => unwanted.passed_on = true,
            }
        }
    }
}

impl Lease {
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Leaves the session for the next one who needs it.
    pub(super) fn keep(self) {
        let Self { session, place } = self;
        if !session.is_closed() {
            let mut places = lock(&place.places);
            let round = places.round;
            places.idle.push((session, round));
        }
    }
}

fn lock(places: &Mutex<Places>) -> MutexGuard<'_, Places> {
    // Valid after every statement, so a panic elsewhere cannot have spoilt it.
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn four_have_places_and_the_others_get_theirs_in_the_order_of_asking() {
        let control = Control::new(4);
        let mut held: Vec<_> =
            (0..4).map(|_| control.place().now_or_never().unwrap().unwrap()).collect();
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(control.place())).collect();
        assert!(waiting.iter_mut().all(|place| place.now_or_never().is_none()));
        drop(held.pop());
        assert!(waiting[1].as_mut().now_or_never().is_none(), "it is not its turn");
        let first = waiting[0].as_mut().now_or_never().expect("its turn").unwrap();
        // The second stops waiting, and the place goes to the third.
        drop(waiting.remove(1));
        drop(first);
        assert!(control.place().now_or_never().is_none(), "whoever comes later waits");
        let third = waiting[1].as_mut().now_or_never().expect("its turn");
        drop((third, held));
        drop(waiting);
        assert_eq!(lock(&control.places).free, 4);
    }

    /// A place that was given to someone who never came for it.
    #[test]
    fn a_turn_that_was_given_and_not_taken_is_passed_on() {
        let control = Control::new(1);
        let held = control.place().now_or_never().unwrap();
        let mut first = Box::pin(control.place());
        let mut second = Box::pin(control.place());
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        drop(held);
        drop(first);
        assert!(second.now_or_never().is_some(), "the place was lost");
    }
}
