//! Stopping a commit at an exact moment, around the force of its decision.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::oneshot;
use tokio::time::timeout;

use super::error::NotReached;
use super::moment::Moment;

/// How long a commit is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// One commit that is stopped when it comes to its moment.
///
/// Dropping this lets it go on, and `let _ = running.hold(…)` drops it at once. While it is held, its client waits, for
/// [`Deadlines::force`](indoubt::Deadlines::force) at most; then it is told that the transaction is
/// in doubt.
#[derive(Debug)]
#[must_use = "dropping it lets the commit go on, and `let _ = …` drops it at once: give it a name"]
pub struct Hold {
    moment: Moment,
    reached: oneshot::Receiver<()>,
    go: oneshot::Sender<Go>,
}

impl Hold {
    /// Waits until a commit is at the moment and held there.
    ///
    /// # Errors
    /// [`NotReached`] after a minute, or if the coordinator was ended before any commit came.
    ///
    /// # Cancel safety
    /// May be dropped and called again; nothing is let go by that.
    pub async fn reached(&mut self) -> Result<(), NotReached> {
        match timeout(PATIENCE, &mut self.reached).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(NotReached { moment: self.moment }),
        }
    }

    /// Lets the commit go on. If none has come yet, none is held.
    pub fn release(self) {
        self.end(Go::On);
    }

    /// Fails the force that is held: whether the decision was written is then unknown to the
    /// coordinator, which has to read its log. At [`Moment::Voted`] it is not written, at
    /// [`Moment::Decided`] it is. One that has not come yet fails when it comes.
    pub fn fail(self, reason: impl Into<String>) {
        self.end(Go::Fail(reason.into()));
    }

    fn end(self, go: Go) {
        // Nobody waits for it any more if the coordinator has been crashed meanwhile.
        let _gone = self.go.send(go);
    }
}

/// What becomes of a force that was held.
#[derive(Debug)]
enum Go {
    On,
    Fail(String),
}

/// The holds that no commit has come to yet, in the order in which they were asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds(Arc<Mutex<Vec<Waiting>>>);

#[derive(Debug)]
struct Waiting {
    moment: Moment,
    reached: oneshot::Sender<()>,
    go: oneshot::Receiver<Go>,
}

impl Holds {
    /// Holds the next commit that comes to this moment and that no earlier hold takes.
    pub(super) fn add(&self, moment: Moment) -> Hold {
        let (tell, reached) = oneshot::channel();
        let (go, told) = oneshot::channel();
        self.waiting().push(Waiting { moment, reached: tell, go: told });
        Hold { moment, reached, go }
    }

    /// A commit comes to this moment: it is held here if somebody wants that.
    ///
    /// # Errors
    /// The reason with which its force is to fail.
    pub(super) async fn pass(&self, moment: Moment) -> Result<(), String> {
        while let Some(Waiting { reached, go, .. }) = self.take(moment) {
            let is_held = reached.send(()).is_ok();
            match go.await {
                Ok(Go::Fail(reason)) => return Err(reason),
                Ok(Go::On) | Err(oneshot::Canceled) if is_held => break,
                // It was let go of before anything came, so it is for the next hold.
                Ok(Go::On) | Err(oneshot::Canceled) => {}
            }
        }
        Ok(())
    }

    /// Nothing comes any more: whoever still waits is told.
    pub(super) fn end(&self) {
        self.waiting().clear();
    }

    fn take(&self, moment: Moment) -> Option<Waiting> {
        let mut waiting = self.waiting();
        let first = waiting.iter().position(|one| one.moment == moment)?;
        Some(waiting.remove(first))
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        // Whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
