//! The one async driver: it gives the machines their inputs and carries out their effects.
//!
//! Every transaction is driven by the [`Driver`], one future that the user spawns beside
//! the service: a commit therefore goes on when the client that asked for it has stopped
//! waiting, and recovery has a home. A runtime is absent: only `futures` combinators are
//! used, so madsim and tokio run the same code.

mod build;
mod commit;
mod driver;
mod erased;
mod recover;
mod shared;
mod transaction;

use std::sync::Arc;

use futures::channel::mpsc::UnboundedSender;

use crate::clock::Clock;
use crate::gid::Gid;
use crate::log::{DecisionLog, Entry, LogError};
use crate::outcome::Status;
use crate::participant::Participant;

pub use build::{BuildError, Builder, Deadlines};
pub use driver::Driver;
pub use recover::RecoveryReport;
pub use transaction::{Branch, EnlistError, Transaction};

use shared::{Shared, Stage};
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

    /// What has become of a transaction of this coordinator.
    ///
    /// # Errors
    /// [`StatusError`] when the gid is another coordinator's, or the log cannot say.
    pub async fn status(&self, gid: &Gid) -> Result<Status, StatusError> {
        if gid.coordinator != *self.shared.log.coordinator() {
            return Err(StatusError::NotOurs { gid: gid.clone() });
        }
        if gid.epoch > self.shared.log.epoch() {
            return Err(StatusError::Log(LogError::Fenced { epoch: self.shared.log.epoch() }));
        }
        if self.shared.live.is_to_come(gid) {
            return Err(StatusError::NeverBegun { gid: gid.clone() });
        }
        // Live is asked before the log: a transaction leaves the live ones only after its
        // decision, if it has one, is in the log.
        let live = self.shared.live.stage(gid);
        if live == Some(Stage::Aborting) {
            return Ok(Status::PresumedAborted);
        }
        match self.shared.read(gid).await? {
            Entry::Unfinished(_) | Entry::Finished => Ok(Status::Committed),
            _ if live.is_some() => Ok(Status::Undecided),
            Entry::Absent => Ok(Status::PresumedAborted),
            Entry::Expired => Ok(Status::Expired),
        }
    }

    /// Sweeps once over all participants and finishes what was left unfinished; the
    /// [`Driver`] does the same periodically.
    ///
    /// # Cancel safety
    /// May be dropped at any time and run concurrently with other sweeps.
    pub async fn recover(&self) -> RecoveryReport {
        recover::sweep(&self.shared).await
    }
}

/// A question about a transaction that has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// The gid belongs to another coordinator.
    #[error("{gid} is not a transaction of this coordinator: ask the coordinator {}", gid.coordinator)]
    NotOurs {
        /// The gid asked for.
        gid: Gid,
    },
    /// No transaction has had this gid.
    #[error("{gid} has never been begun: check where it comes from")]
    NeverBegun {
        /// The gid asked for.
        gid: Gid,
    },
    /// The log cannot say.
    #[error(transparent)]
    Log(#[from] LogError),
}
