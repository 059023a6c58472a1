//! Waiting: until something holds of the shared state, or time is up, or somebody asks this
//! backend to stop.
//!
//! Every wait of a backend goes through here, so here is where it hears of a cancel request, of
//! its end, and of a crash (`CHECK_FOR_INTERRUPTS`).

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;

use super::State;
use super::backend::crash_shutdown;
use super::state::Phase;
use crate::error::{PgError, PgResult};

/// The shared state, as one backend of one generation has it.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    state: Arc<Mutex<State>>,
    pub(crate) pid: i32,
    pub(crate) generation: u64,
}

/// Why a session ends without another word to its client.
pub(crate) const SILENT: &str = "the server is gone";

/// Moments at which a wait fails, and with what.
pub(crate) type Deadlines = Vec<(Duration, PgError)>;

impl Shared {
    pub(crate) fn new(state: Arc<Mutex<State>>, pid: i32, generation: u64) -> Self {
        Self { state, pid, generation }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this backend's world still exists.
    ///
    /// # Errors
    /// It crashed: 57P02, or in silence.
    pub(crate) fn alive(&self) -> PgResult<MutexGuard<'_, State>> {
        let state = self.lock();
        if state.is_current(self.generation) && state.backends.contains_key(&self.pid) {
            return Ok(state);
        }
        Err(match state.phase {
            Phase::Stopped | Phase::Panicked(_) => PgError::fatal("57P02", SILENT),
            _ if state.crashed == Some(self.pid) => PgError::fatal("57P02", SILENT),
            _ => crash_shutdown(),
        })
    }

    /// What others have asked of this backend.
    pub(crate) fn interrupts(&self) -> PgResult<MutexGuard<'_, State>> {
        let mut state = self.alive()?;
        if let Some(backend) = state.backends.get_mut(&self.pid) {
            if let Some(end) = backend.terminated.clone() {
                return Err(end);
            }
            if std::mem::take(&mut backend.cancelled) {
                return Err(PgError::new("57014", "canceling statement due to user request"));
            }
        }
        Ok(state)
    }

    fn listen(state: &mut State, pid: i32, cx: &Context<'_>) {
        if let Some(backend) = state.backends.get_mut(&pid) {
            backend.waker = Some(cx.waker().clone());
        }
    }

    /// Waits until something holds.
    ///
    /// # Errors
    /// An interrupt, or the first deadline that passes.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind but what the caller has put there.
    pub(crate) async fn until<T>(
        &self,
        deadlines: Deadlines,
        mut holds: impl FnMut(&mut State) -> Option<T> + Send,
    ) -> PgResult<T> {
        let mut timers: Vec<_> = deadlines
            .into_iter()
            .map(|(after, error)| (self.lock().edges.sleep(after), error))
            .collect();
        poll_fn(|cx| {
            let mut state = match self.interrupts() {
                Ok(state) => state,
                Err(error) => return Poll::Ready(Err(error)),
            };
            if let Some(value) = holds(&mut state) {
                return Poll::Ready(Ok(value));
            }
            Self::listen(&mut state, self.pid, cx);
            drop(state);
            for (timer, error) in &mut timers {
                if timer.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Err(error.clone()));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Waits for a write of the log, which nothing but a crash interrupts.
    ///
    /// # Errors
    /// The server has crashed, or does now, since the write failed.
    pub(crate) async fn written(
        &self,
        mut write: BoxFuture<'static, io::Result<()>>,
    ) -> PgResult<()> {
        self.note(Some(("IO", "WALSync")));
        let result = poll_fn(|cx| {
            match self.alive() {
                Ok(mut state) => Self::listen(&mut state, self.pid, cx),
                Err(error) => return Poll::Ready(Err(error)),
            }
            write.as_mut().poll(cx).map(Ok)
        })
        .await;
        self.note(None);
        result?.map_err(|error| self.panic(&error))
    }

    /// A write of the log failed: nobody knows what is on disk any more.
    pub(crate) fn panic(&self, error: &io::Error) -> PgError {
        let mut state = self.lock();
        state.phase = Phase::Panicked(error.to_string());
        state.wake_all();
        PgError::fatal("57P02", SILENT)
    }

    /// Polls something of this backend's own until it is ready, an interrupt comes, or a
    /// deadline passes.
    pub(crate) async fn poll<T>(
        &self,
        deadlines: Deadlines,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T> + Send,
    ) -> PgResult<T> {
        let mut timers: Vec<_> = deadlines
            .into_iter()
            .map(|(after, error)| (self.lock().edges.sleep(after), error))
            .collect();
        poll_fn(|cx| {
            match self.alive() {
                Ok(mut state) => {
                    let backend = state.backends.get(&self.pid);
                    if let Some(end) = backend.and_then(|b| b.terminated.clone()) {
                        return Poll::Ready(Err(end));
                    }
                    Self::listen(&mut state, self.pid, cx);
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
            if let Poll::Ready(value) = poll(cx) {
                return Poll::Ready(Ok(value));
            }
            for (timer, error) in &mut timers {
                if timer.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Err(error.clone()));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// What the view shows that it waits for.
    pub(crate) fn note(&self, wait: Option<(&'static str, &'static str)>) {
        let mut state = self.lock();
        if state.generation == self.generation
            && let Some(backend) = state.backends.get_mut(&self.pid)
        {
            backend.wait = wait;
        }
    }
}
