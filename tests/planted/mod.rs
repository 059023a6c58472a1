//! Bugs that were shipped by someone, each one step bent. No shipped code has a switch for them.

mod disks;
mod logs;
mod moments;
mod participants;

pub(crate) use disks::{DecisionNeverSynced, PrepareNeverSynced};
pub(crate) use logs::{
    AllIsOurs, CommitBeforeForce, ForgetsAreForced, ForgottenEarly, PanicsAtTheForce,
    ReadersComeLast, RecoveryAbortsLive,
};
pub(crate) use moments::{
    FencedIsForced, HeuristicIsAsDecided, SyncedAfterwards, UnderWayIsRolledBack,
    UnreadableIsAbsent,
};
pub(crate) use participants::{
    NoTakenForSilence, OneAtATime, PreparesTwice, TimeoutTakenAsYes, UnlistedIsEmpty,
};
