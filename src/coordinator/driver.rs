//! The future that brings transactions to their end and recovers what crashes left behind.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::channel::mpsc::UnboundedReceiver;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, pin_mut};

use super::calls::words;
use super::commit::Commitment;
use super::driven::Helm;
use super::shared::Shared;
use super::sweep::{Taken, sweep};
use super::transaction::Request;

/// Drives a coordinator's transactions and its recovery. Spawn [`run`](Self::run).
#[must_use = "spawn `run`: nothing commits, and nothing is recovered, until the driver runs"]
pub struct Driver {
    shared: Arc<Shared>,
    requests: UnboundedReceiver<Request>,
    helm: Helm,
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>, requests: UnboundedReceiver<Request>) -> Self {
        let helm = Helm::of(shared.driven.clone());
        Self { shared, requests, helm }
    }

    /// Runs until every handle of the coordinator and every transaction is dropped and the
    /// last transaction has ended; a sweep that is under way then is dropped, and what the log
    /// has noted lazily is made durable.
    ///
    /// # Cancel safety
    /// Dropping this future is a crash of the coordinator: what it leaves prepared, the next
    /// opening of the log recovers.
    pub async fn run(self) {
        let Self { shared, requests, helm } = self;
        helm.is_taken();
        let transactions = requests.for_each_concurrent(None, |request| drive(&shared, request));
        let recovery = recover_for_ever(&shared);
        {
            // Dropped at the end of this block: a sweep in its middle could be in the log's way.
            pin_mut!(transactions, recovery);
            match select(transactions, recovery).await {
                Either::Left(((), _)) => tracing::debug!("driver stopped: no handle is left"),
                Either::Right((never, _)) => match never {},
            }
        }
        if let Err(error) = shared.flush().await {
            tracing::warn!(%error, "what the log noted last may be lost: the next start repeats it");
        }
    }
}

/// Sweeps, and begins the next sweep though an earlier one still waits for somebody.
async fn recover_for_ever(shared: &Shared) -> Infallible {
    let mut earlier = FuturesUnordered::new();
    loop {
        let sweep = unharmed(sweep(shared, Taken::LeftOut).map(drop)).map(drop).boxed();
        let pause = shared.clock.sleep(shared.deadlines.recovery_interval);
        earlier.push(sweep);
        let ended = async {
            while earlier.next().await.is_some() {}
            std::future::pending::<()>().await;
        };
        pin_mut!(pause, ended);
        select(pause, ended).await;
    }
}

/// Drives one transaction to its end.
async fn drive(shared: &Shared, request: Request) {
    let gid = request.gid.clone();
    if unharmed(Commitment::run(shared, request)).await.is_none() {
        // Recovery leaves alone what is live.
        shared.live.end(&gid);
    }
}

/// A panic in one transaction, or in one sweep, is a bug; but it must not take the others along.
async fn unharmed(one: impl Future<Output = ()>) -> Option<()> {
    let ended = AssertUnwindSafe(one).catch_unwind().await;
    if let Err(panic) = &ended {
        let text = words(&**panic);
        tracing::error!(
            text,
            "something panicked in the driver; what it was at is left to recovery"
        );
    }
    ended.ok()
}
