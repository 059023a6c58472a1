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
use super::file_log::FileLog;
use super::storage::Storage;
use super::write::Failure;

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

impl<S: Storage> FileLog<S> {
    /// Waits for the turns of others, and ends one that was left in its middle.
    pub(super) async fn turn(&self) -> Turn<'_, S> {
        self.begin(self.turns.0.lock().await).await
    }

    /// The same, if it is nobody's turn.
    pub(super) async fn turn_if_free(&self) -> Option<Turn<'_, S>> {
        Some(self.begin(self.turns.0.try_lock()?).await)
    }

    async fn begin<'a>(&'a self, begun: MutexGuard<'a, Begun>) -> Turn<'a, S> {
        let mut turn = Turn { core: &self.core, begun };
        // Its failure is the writer's state by now, and was told to those it concerned.
        let _ = turn.end().await;
        turn
    }
}

impl<S: Storage> Turn<'_, S> {
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
        let mut writer = self.writer.lock().await;
        match task {
            Task::Batch => self.write_batch(&mut writer).await,
            Task::Repair => self.repair(&mut writer).await,
            Task::BringBack => match self.check_fence(&mut writer).await {
                Ok(()) => Ok(()),
                Err(_) => self.repair(&mut writer).await,
            },
        }
    }
}
