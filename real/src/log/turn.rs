//! Turns of the writer, each of which comes to its end whoever is dropped meanwhile.
//!
//! A write that is given up in its middle leaves a file of unknown content, which has to be
//! written anew. So a turn is not the caller's but the log's: the caller polls it, and if the
//! caller is dropped the turn stays where it is, and the next who wants one ends it first. Absent:
//! a spawn; a turn that nobody wants the end of waits.

use std::sync::Arc;
use std::task::Poll;

use futures::FutureExt;
use futures::future::{BoxFuture, poll_fn};
use futures::lock::{Mutex, MutexGuard};

use super::core::Core;
use super::failure::Failure;
use super::storage::Storage;

/// What can be done in a turn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task {
    /// Write what is queued and noted.
    Batch,
    /// Make the file's content known again, if it is not.
    Repair,
    /// Bring the file back, if it has disappeared.
    BringBack,
}

type Begun = Option<BoxFuture<'static, Result<(), Failure>>>;

/// The turn that is under way, if there is one. Whoever holds the lock polls it.
#[derive(Default)]
pub(super) struct Turns(Mutex<Begun>);

/// The right to write, while nobody else does.
pub(super) struct Turn<'a, S: Storage> {
    core: &'a Arc<Core<S>>,
    begun: MutexGuard<'a, Begun>,
}

impl Turns {
    /// Waits for the turns of others, and ends one that was left in its middle.
    pub(super) async fn next<'a, S: Storage>(&'a self, core: &'a Arc<Core<S>>) -> Turn<'a, S> {
        Turn::begin(core, self.0.lock().await).await
    }

    /// The same, if it is nobody's turn.
    pub(super) async fn next_if_free<'a, S: Storage>(
        &'a self,
        core: &'a Arc<Core<S>>,
    ) -> Option<Turn<'a, S>> {
        Some(Turn::begin(core, self.0.try_lock()?).await)
    }
}

impl<'a, S: Storage> Turn<'a, S> {
    async fn begin(core: &'a Arc<Core<S>>, begun: MutexGuard<'a, Begun>) -> Self {
        let mut turn = Self { core, begun };
        // Its failure is the journal's state by now, and was told to those it concerned.
        let _ = turn.end().await;
        turn
    }

    /// Does this. If the future is dropped, the next turn ends it.
    pub(super) async fn take(&mut self, task: Task) -> Result<(), Failure> {
        *self.begun = Some(Arc::clone(self.core).carry_out(task).boxed());
        self.end().await
    }

    async fn end(&mut self) -> Result<(), Failure> {
        poll_fn(|context| {
            // Out of its place while it is polled, so that one that panics is not polled again.
            let Some(mut begun) = self.begun.take() else { return Poll::Ready(Ok(())) };
            let polled = begun.poll_unpin(context);
            if polled.is_pending() {
                *self.begun = Some(begun);
            }
            polled
        })
        .await
    }
}

impl<S: Storage> Core<S> {
    async fn carry_out(self: Arc<Self>, task: Task) -> Result<(), Failure> {
        // Nobody else has it: there is one turn at a time.
        let mut journal = self.journal.lock().await;
        match task {
            Task::Batch => self.write_batch(&mut journal).await,
            Task::Repair => self.repair(&mut journal).await,
            Task::BringBack => match self.check_fence(&mut journal).await {
                Ok(()) => Ok(()),
                Err(_) => self.repair(&mut journal).await,
            },
        }
    }
}
