//! Where a coordinator's calls are left until somebody decides what becomes of them.
//!
//! A call whose answer is dropped, or that nobody takes, goes its ordinary way: that is how
//! whoever holds calls lets go of them.

use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc::UnboundedSender;
use futures::channel::oneshot;
use indoubt::{BranchGid, Clock, Commit, Entry, ForceError, Gid, LogError};

use crate::database::{Reply, Request};
use crate::net::NodeId;
use crate::time::SimClock;

/// Where the answer to a call goes.
pub(super) type Caller<T> = oneshot::Sender<T>;

/// The desk of one coordinator's process.
#[derive(Clone)]
pub(super) struct Desk {
    by: u8,
    left: UnboundedSender<Held>,
}

/// A call, and the number of the coordinator that waits for its answer.
pub(super) struct Held {
    pub(super) by: u8,
    pub(super) call: Call,
}

/// The kinds of call.
pub(super) enum Call {
    Ask(Asked),
    Log { epoch: u64, call: LogCall },
    Wait { for_long: Duration, over: Caller<()> },
}

/// A request to a participant.
pub(super) struct Asked {
    pub(super) to: NodeId,
    pub(super) about: Option<BranchGid>,
    pub(super) request: Request,
    /// The reply, or that it is lost.
    pub(super) answer: Caller<Option<Reply>>,
}

/// A call of the log.
pub(super) enum LogCall {
    /// Of [`indoubt::DecisionLog::force`].
    Force { commit: Arc<Commit>, answer: Caller<Result<(), ForceError>> },
    /// Of [`indoubt::DecisionLog::forget`].
    Forget { gid: Gid, answer: Caller<Result<(), LogError>> },
    /// Of [`indoubt::DecisionLog::read`].
    Read { gid: Gid, answer: Caller<Result<Entry, LogError>> },
    /// Of [`indoubt::DecisionLog::unfinished`].
    Unfinished { answer: Caller<Result<Vec<Arc<Commit>>, LogError>> },
}

impl Desk {
    pub(super) const fn new(by: u8, left: UnboundedSender<Held>) -> Self {
        Self { by, left }
    }

    /// What somebody decides of the call; `None` if it is to go its ordinary way.
    async fn leave<T>(&self, call: impl FnOnce(Caller<T>) -> Call) -> Option<T> {
        let (answer, decided) = oneshot::channel();
        let held = Held { by: self.by, call: call(answer) };
        self.left.unbounded_send(held).ok()?;
        decided.await.ok()
    }

    /// Leaves a request to a participant.
    pub(super) async fn ask(
        &self,
        to: NodeId,
        about: Option<&BranchGid>,
        request: &Request,
    ) -> Option<Option<Reply>> {
        let (about, request) = (about.cloned(), request.clone());
        self.leave(|answer| Call::Ask(Asked { to, about, request, answer })).await
    }

    /// Leaves a call of the log that this epoch has opened.
    pub(super) async fn log<T>(
        &self,
        epoch: u64,
        call: impl FnOnce(Caller<T>) -> LogCall,
    ) -> Option<T> {
        self.leave(|answer| Call::Log { epoch, call: call(answer) }).await
    }

    /// Leaves a wait.
    pub(super) async fn wait(&self, for_long: Duration) -> Option<()> {
        self.leave(|over| Call::Wait { for_long, over }).await
    }
}

/// A coordinator's clock: somebody decides when its waits are over.
#[derive(Clone)]
pub(super) struct DeskClock(pub(super) Desk);

impl Clock for DeskClock {
    async fn sleep(&self, duration: Duration) {
        if self.0.wait(duration).await.is_none() {
            SimClock.sleep(duration).await;
        }
    }
}
