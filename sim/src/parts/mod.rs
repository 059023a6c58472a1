//! What a run is made of beside its scenario, and what each part owes to the world around it.
//!
//! The world asks these traits for everything that is not its own: a disk, a decision log, a kind
//! of participant, a clock, and what lives in a coordinator's process. [`Parts`] is all of it at
//! once; what ships and what a user brings are put together in [`crate::harness`].

mod backlog;
mod counts;
mod foreign;
mod kind;
mod locks;
mod logs;
mod process;
mod slots;
mod work;

use indoubt::{Clock, DecisionLog, Participant};

pub use backlog::{Backlog, UnderWay};
pub use counts::Counts;
pub(crate) use foreign::FOREIGN;
pub use kind::{Hand, Kind, Node, Serve, Site};
pub use locks::{LockCounts, LockWaits};
pub use logs::{FileLogs, Logs};
pub use process::{Process, Tasks, Terms};
pub use slots::Slots;
pub use work::{Op, WorkRefused, Works};

use crate::bend::BendDisk;
use crate::clock::NodeClock;
use crate::edge::{Attended, Watched};
use crate::history::{Event, Place};
use crate::scenario::Scenario;

/// The parts of a run.
pub trait Parts: Clone + Send + Sync + 'static {
    /// How decision logs are opened.
    type Logs: Logs;
    /// The kind of participant.
    type Kind: Kind;
    /// What a coordinator is given as a participant: one of the kind, with whatever stands before it.
    type Participant: Participant;
    /// What the parts of one coordinator's process have in common.
    type Common: Send + Sync;

    /// A coordinator's process comes up at this place.
    fn common(&self, place: Place) -> Self::Common;

    /// What bends the disk of a place, as a process that starts now has it.
    fn disk_bend(&self, place: Place) -> Option<Box<dyn BendDisk>>;

    /// How logs are opened.
    fn logs(&self) -> &Self::Logs;

    /// The log that a coordinator is given: this one, with whatever stands before it.
    fn log(&self, log: WatchedLog<Self>, common: &Self::Common) -> impl DecisionLog + use<Self>;

    /// The clock that a coordinator is given: this one, of its machine, with whatever stands before
    /// it.
    fn clock(&self, clock: NodeClock, common: &Self::Common) -> impl Clock + use<Self>;

    /// The kind of participant.
    fn kind(&self) -> &Self::Kind;

    /// A coordinator's participant.
    fn participant(
        &self,
        participant: AttendedOf<Self::Kind>,
        common: &Self::Common,
    ) -> Self::Participant;

    /// The rows that a participant has before the run.
    fn seeded(&self, scenario: &Scenario, p: u8) -> Vec<(u64, i64)>;

    /// Whether each transaction leaves a marker among the rows wherever it writes.
    fn marks(&self) -> bool;

    /// The terms of the run.
    fn terms(&self, scenario: &Scenario) -> Terms {
        Terms::of(scenario)
    }

    /// A coordinator has come up: what lives beside its driver begins.
    fn come_up(&self, process: Process<Self>, common: &Self::Common);

    /// Everything has come to rest, and somebody who has a machine of his own, with this line to all
    /// participants, may look at them: what he finds.
    fn look(
        &self,
        _from: impl FnOnce() -> LineOf<Self> + Send,
    ) -> impl Future<Output = Vec<Event>> + Send {
        std::future::ready(Vec::new())
    }
}

/// A participant of a kind, as a coordinator's process has it, attended.
pub type AttendedOf<K> = Attended<<K as Kind>::Participant>;

/// A log as it was opened, watched.
pub type WatchedLog<P> = Watched<<<P as Parts>::Logs as Logs>::Log>;

/// What participants of the kind and coordinators say to each other.
pub type MessageOf<P> = <<P as Parts>::Kind as Kind>::Message;

/// A process's line to all participants.
pub type LineOf<P> = <<P as Parts>::Kind as Kind>::Line;

/// A participant's server.
pub type ServerOf<P> = <<P as Parts>::Kind as Kind>::Server;
