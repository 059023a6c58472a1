//! Bugs that were shipped by someone, planted between the shipped parts.
//!
//! Each is a type that goes into a seam of the simulated world. None of them changes, or is
//! known to, any shipped code.

mod bend;
mod disks;
mod logs;
mod participants;

pub(crate) use bend::bent;
pub(crate) use disks::{DecisionNeverSynced, PrepareNeverSynced};
pub(crate) use logs::{
    AllIsOurs, CommitBeforeForce, ForgetsAreForced, ForgottenEarly, PanicsAtTheForce,
    ReadersComeLast, RecoveryAbortsLive,
};
pub(crate) use participants::{OneAtATime, TimeoutTakenAsYes};
