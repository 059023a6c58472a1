//! Atomic commit across databases that you can prove.
//!
//! A [`Coordinator`] runs two-phase commit with presumed abort over any
//! [`Participant`]s. The protocol is a pair of sans-I/O machines ([`protocol`]); the
//! coordinator drives them over three traits at the edges: [`Participant`],
//! [`DecisionLog`] and [`Clock`]. A runtime, a database, randomness and the time of day are
//! absent from this crate: the same code runs under a seeded simulator and against real
//! databases.

mod clock;
mod coordinator;
mod gid;
mod log;
mod outcome;
mod participant;
pub mod protocol;
#[cfg(feature = "suite")]
pub mod suite;

pub use clock::Clock;
pub use coordinator::{
    AcknowledgeError, Branch, BuildError, Builder, Coordinator, Deadlines, Driver, EnlistError,
    RecoveryReport, StatusError, Stranded, Transaction, Unreached, Why,
};
pub use gid::{
    BranchGid, CoordinatorId, Gid, InvalidCoordinatorId, InvalidGid, Lineage,
    MAX_COORDINATOR_ID_BYTES, MAX_GID_BYTES,
};
pub use log::{Commit, DecisionLog, Entry, ForceError, LogError, LoggedBranch, Origin};
pub use outcome::{AbortReason, Aborted, Committed, Heuristic, InDoubt, Outcome, Status};
pub use participant::{BeginError, Lost, OnePhaseVote, Participant, Receipt, Refusal, Vote};
pub use protocol::{Decision, Ending, OnePhase};
