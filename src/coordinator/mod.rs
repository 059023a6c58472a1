//! The one async driver: it gives the machines their inputs and carries out their effects.
//!
//! Every transaction is driven by the [`Driver`], one future that the user spawns beside
//! the service: a commit therefore goes on when the client that asked for it has stopped
//! waiting, and recovery has a home. A runtime is absent: only `futures` combinators are
//! used, so madsim and tokio run the same code.

mod alarms;
mod build;
mod calls;
mod commit;
mod driven;
mod driver;
mod enlist;
mod erased;
mod gate;
mod in_hand;
mod live;
mod recover;
mod report;
mod shared;
mod status;
mod sweep;
mod transaction;

use std::sync::Arc;

use futures::channel::mpsc::UnboundedSender;

use crate::clock::Clock;
use crate::gid::CoordinatorId;
use crate::log::DecisionLog;
use crate::participant::Participant;

pub use build::{BuildError, Builder, Deadlines};
pub use driver::Driver;
pub use enlist::EnlistError;
pub use report::{RecoveryReport, Stranded, Unreached, Why};
pub use status::{AcknowledgeError, StatusError};
pub use transaction::{Branch, Transaction};

use shared::Shared;
use sweep::Taken;
use transaction::Request;

/// Coordinates atomic transactions over several participants.
///
/// A cheap handle: clones speak of the same coordinator.
#[derive(Clone)]
pub struct Coordinator {
    shared: Arc<Shared>,
    requests: UnboundedSender<Request>,
}

impl Coordinator {
    /// A coordinator in the making, over an opened log. Who wants to ask the log something beside
    /// the coordinator gives it an [`Arc`] of it, and keeps another.
    pub fn builder(log: impl DecisionLog, clock: impl Clock) -> Builder {
        Builder::new(log, clock)
    }

    /// Begins a transaction. Nothing is sent anywhere until a branch is asked for.
    pub fn begin(&self) -> Transaction {
        Transaction::begin(self.shared.clone(), self.requests.clone())
    }

    /// Its id: that of its decision log.
    pub fn id(&self) -> &CoordinatorId {
        self.shared.log.coordinator()
    }

    /// The epoch that the opening of its decision log took.
    pub fn epoch(&self) -> u64 {
        self.shared.log.epoch()
    }

    /// Sweeps once over all participants and finishes what was left unfinished; the
    /// [`Driver`] does the same periodically. What a sweep of the driver's is at work on is waited
    /// for, and then looked at.
    ///
    /// It needs no driver. What the driver had begun to commit when it ended, if it has, is left to
    /// the next opening of the log, and the report says so: it is not complete.
    ///
    /// # Cancel safety
    /// May be dropped at any time and run concurrently with other sweeps.
    pub async fn recover(&self) -> RecoveryReport {
        sweep::sweep(&self.shared, Taken::WaitedFor).await
    }
}
