//! The future that brings transactions to their end and recovers what crashes left behind.

use std::sync::Arc;

use futures::channel::mpsc::UnboundedReceiver;
use futures::future::{Either, select};
use futures::{StreamExt, pin_mut};

use super::commit::Commitment;
use super::recover::sweep;
use super::shared::Shared;
use super::transaction::Request;
use crate::clock::Clock;
use crate::log::DecisionLog;

/// Drives a coordinator's transactions and its recovery. Spawn [`run`](Self::run).
#[must_use = "spawn `run`: nothing commits, and nothing is recovered, until the driver runs"]
pub struct Driver<L, C> {
    shared: Arc<Shared<L, C>>,
    requests: UnboundedReceiver<Request>,
}

impl<L: DecisionLog, C: Clock> Driver<L, C> {
    pub(super) fn new(shared: Arc<Shared<L, C>>, requests: UnboundedReceiver<Request>) -> Self {
        Self { shared, requests }
    }

    /// Runs until every handle of the coordinator and every transaction is dropped and the
    /// last transaction has ended; a sweep that is under way then is dropped.
    ///
    /// # Cancel safety
    /// Dropping this future is a crash of the coordinator: what it leaves prepared, the next
    /// opening of the log recovers.
    pub async fn run(self) {
        let Self { shared, requests } = self;
        let transactions =
            requests.for_each_concurrent(None, |request| Commitment::new(&shared, request).run());
        let recovery = async {
            loop {
                sweep(&shared).await;
                shared.clock.sleep(shared.deadlines.recovery_interval).await;
            }
        };
        pin_mut!(transactions, recovery);
        match select(transactions, recovery).await {
            Either::Left(((), _)) => tracing::debug!("driver stopped: no handle is left"),
            Either::Right((never, _)) => never,
        }
    }
}
