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
mod driver;
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
use crate::log::DecisionLog;
use crate::participant::Participant;

pub use build::{BuildError, Builder, Deadlines};
pub use driver::Driver;
pub use report::{RecoveryReport, Stranded, Unreached, Why};
pub use status::{AcknowledgeError, StatusError};
pub use transaction::{Branch, EnlistError, Transaction};

use shared::Shared;
use sweep::Taken;
use transaction::Request;

/// Coordinates atomic transactions over several participants.
///
/// A cheap handle: clones speak of the same coordinator.
pub struct Coordinator<L, C> {
    shared: Arc<Shared<L, C>>,
    requests: UnboundedSender<Request>,
}

impl<L, C> Clone for Coordinator<L, C> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), requests: self.requests.clone() }
    }
}

impl<L: DecisionLog, C: Clock> Coordinator<L, C> {
    /// A coordinator in the making, over an opened log.
    pub fn builder(log: L, clock: C) -> Builder<L, C> {
        Builder::new(log, clock)
    }

    /// Begins a transaction. Nothing is sent anywhere until a branch is asked for.
    pub fn begin(&self) -> Transaction<L, C> {
        Transaction::begin(self.shared.clone(), self.requests.clone())
    }

    /// The decision log.
    pub fn log(&self) -> &L {
        &self.shared.log
    }

    /// Sweeps once over all participants and finishes what was left unfinished; the
    /// [`Driver`] does the same periodically. What the driver is at work on is waited for, and then
    /// looked at.
    ///
    /// # Cancel safety
    /// May be dropped at any time and run concurrently with other sweeps.
    pub async fn recover(&self) -> RecoveryReport {
        sweep::sweep(&self.shared, Taken::WaitedFor).await
    }
}
