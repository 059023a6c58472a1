//! Bugs that were shipped by someone, planted between the shipped parts.
//!
//! Each is a type that goes into a seam of the simulated world. None of them changes, or is
//! known to, any shipped code.

mod disks;
mod logs;
mod manners;
mod participants;

pub(crate) use disks::{DecisionNeverSynced, PrepareNeverSynced};
pub(crate) use logs::{
    CommitBeforeForce, Forcing, ForgottenEarly, PanicsAtTheForce, RecoveryAbortsLive,
};
pub(crate) use manners::{AllIsOurs, Delaying, ForgetsAreForced, ReadersComeLast};
pub(crate) use participants::{OneAtATime, TimeoutTakenAsYes};
