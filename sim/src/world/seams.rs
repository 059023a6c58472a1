//! The places where a test can put something between the shipped parts.
//!
//! Planted bugs go here, and nowhere else: no shipped code has a switch for them.

use futures::future::BoxFuture;
use indoubt::{Coordinator, DecisionLog, Participant};
use indoubt_real::log::{FileLog, Storage};

use super::{CoordinatorClock, Watched};
use crate::disk::Mount;
use crate::history::Place;
use crate::participant::{SimBranch, SimParticipant};

/// What a run is made of, beside its scenario.
pub trait Seams: Clone + Send + Sync + 'static {
    /// The disk under a decision log or a participant.
    type Disk: Storage;
    /// The decision log that the coordinator is given.
    type Log: DecisionLog;
    /// The participants that the coordinator is given.
    type Participant: Participant<Branch = SimBranch>;

    /// The disk of a place.
    fn disk(&self, disk: Mount, place: Place) -> Self::Disk;

    /// The log, over the watched one.
    fn log(&self, log: Watched<FileLog<Self::Disk>>) -> Self::Log;

    /// A participant.
    fn participant(&self, participant: SimParticipant) -> Self::Participant;

    /// Something that runs in the coordinator's process beside its driver.
    fn companion(
        &self,
        _coordinator: &Coordinator<Self::Log, CoordinatorClock>,
        _participants: &[Self::Participant],
    ) -> Option<BoxFuture<'static, ()>> {
        None
    }
}

/// The shipped parts with nothing in between.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shipped;

impl Seams for Shipped {
    type Disk = Mount;
    type Log = Watched<FileLog<Mount>>;
    type Participant = SimParticipant;

    fn disk(&self, disk: Mount, _place: Place) -> Mount {
        disk
    }

    fn log(&self, log: Watched<FileLog<Mount>>) -> Self::Log {
        log
    }

    fn participant(&self, participant: SimParticipant) -> SimParticipant {
        participant
    }
}
