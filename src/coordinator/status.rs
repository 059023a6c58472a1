//! What can be asked and said of a transaction by its gid, later than its commit.

use super::live::Stage;
use super::sweep::recover_one;
use super::{Coordinator, RecoveryReport};
use crate::gid::Gid;
use crate::log::{Entry, LogError, Origin};
use crate::outcome::Status;

impl Coordinator {
    /// What has become of a transaction of this coordinator.
    ///
    /// # Errors
    /// [`StatusError`] when the gid is not of this coordinator's log, or the log cannot say.
    pub async fn status(&self, gid: &Gid) -> Result<Status, StatusError> {
        let shared = &self.shared;
        self.is_ours(gid)?;
        if shared.live.is_to_come(gid) {
            return Err(StatusError::NeverBegun { gid: gid.clone() });
        }
        // Live is asked before the log: a transaction leaves the live ones only after its
        // decision, if it has one, is in the log.
        let live = shared.live.stage(gid);
        if live == Some(Stage::Aborting) {
            return Ok(Status::PresumedAborted);
        }
        match shared.read(gid).await? {
            Entry::Unfinished(_) | Entry::Finished => Ok(Status::Committed),
            Entry::Absent | Entry::Expired if live.is_some() => Ok(Status::Undecided),
            Entry::Absent => Ok(Status::PresumedAborted),
            Entry::Expired => Ok(Status::Expired),
        }
    }

    /// Says that an operator has seen to the branches of a committed transaction that are gone
    /// and cannot say how they ended, so that the log need not owe its decision any longer.
    ///
    /// Until then the decision is kept, and such a branch is committed if it reappears, as after
    /// a failover to a standby that lacked its commit.
    ///
    /// # Errors
    /// [`AcknowledgeError`]; the decision is owed as before.
    ///
    /// # Durability
    /// After `Ok` the log has noted it, and has been asked to make that durable. A crash before
    /// that raises the alarm again.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it to the next sweep.
    pub async fn acknowledge(&self, gid: &Gid) -> Result<(), AcknowledgeError> {
        let shared = &self.shared;
        self.is_ours(gid)?;
        match shared.read(gid).await.map_err(StatusError::Log)? {
            Entry::Unfinished(_) if shared.alarms.is_untold(gid) => {}
            Entry::Finished => return Ok(()),
            Entry::Unfinished(_) | Entry::Absent | Entry::Expired => {
                return Err(AcknowledgeError::NoHazard { gid: gid.clone() });
            }
        }
        shared.alarms.acknowledge(gid);
        let report = recover_one(shared, gid).await;
        match shared.read(gid).await.map_err(StatusError::Log)? {
            Entry::Unfinished(_) => {
                Err(AcknowledgeError::StillOwed { gid: gid.clone(), report: Box::new(report) })
            }
            Entry::Finished | Entry::Absent | Entry::Expired => {
                shared.flush().await.map_err(|error| StatusError::Log(error).into())
            }
        }
    }

    fn is_ours(&self, gid: &Gid) -> Result<(), StatusError> {
        let log = &self.shared.log;
        if gid.coordinator != *log.coordinator() {
            return Err(StatusError::NotOurs { gid: gid.clone() });
        }
        match log.origin(gid) {
            Origin::Own => Ok(()),
            Origin::Newer => Err(StatusError::Newer { gid: gid.clone() }),
            Origin::OtherLog | Origin::OtherOpening => {
                Err(StatusError::OtherLog { gid: gid.clone() })
            }
        }
    }
}

/// A question about a transaction that has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// The gid belongs to another coordinator.
    #[error("{gid} is not a transaction of this coordinator: ask the coordinator {}", gid.coordinator)]
    NotOurs {
        /// The gid asked for.
        gid: Gid,
    },
    /// The gid carries this coordinator's id and is of another log, or of an opening that this
    /// copy of the log never saw.
    #[error(
        "{gid} is of another decision log under this coordinator's id, or of an opening that this copy of the log \
         never saw: ask where the log {:08x} is open, and give each replica an id and a directory of its own",
        gid.lineage.log
    )]
    OtherLog {
        /// The gid asked for.
        gid: Gid,
    },
    /// The gid is of a newer opening of the log.
    #[error(
        "{gid} is of a newer opening of the decision log: ask the coordinator that has it open now; if there is none, \
         this log was restored from an older copy"
    )]
    Newer {
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

/// A hazard that could not be acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcknowledgeError {
    /// There is nothing to acknowledge, as far as this process has seen.
    #[error(
        "no branch of {gid} is known to be gone without trace: whatever else it is owed recovery carries out by \
         itself; after a restart, let one sweep end first"
    )]
    NoHazard {
        /// The gid given.
        gid: Gid,
    },
    /// Other branches still have to be told the decision.
    #[error("{gid} still has branches that could not be told: {report}")]
    StillOwed {
        /// The gid given.
        gid: Gid,
        /// What could not be reached.
        report: Box<RecoveryReport>,
    },
    /// The gid is not this coordinator's, or the log cannot say.
    #[error(transparent)]
    Status(#[from] StatusError),
}
