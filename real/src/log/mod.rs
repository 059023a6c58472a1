//! The decision log in files: what [`indoubt::DecisionLog`] promises, on one directory.
//!
//! # Files
//! Each opening writes a file of its own, `decisions.EPOCH`: a snapshot of all that is known,
//! then batches of commits and forgets, framed and checksummed ([`frame`]). One sync makes
//! one batch durable, however many forces wait for it (group commit).
//!
//! # Fence
//! An opening takes its epoch by creating its file, which succeeds for one of any number of
//! rivals, and only then reads the newest complete file below. A force appends, syncs, and
//! only then looks for a newer file. So if the force sees none, whoever opens next reads after
//! the append, and finds the decision. No lock is needed for that: the lock only keeps a second
//! process from fencing the first by accident.
//!
//! # Identity
//! A coordinator's id is chosen by people, so two logs can have one. What a log draws when it is
//! created, and again at each opening, is in every gid; it knows its own gids by that alone.
//!
//! # Failed writes
//! A write or sync that fails may have left anything on the disk, and a sync that succeeds
//! later proves nothing of it. So the file is given up: before the log answers anything else,
//! it writes what it knows to be durable to a new file and renames that over the old one. From
//! then on the failed decisions are known to be absent.
//!
//! # Damage
//! A frame that a crash cut short is dropped; nothing in it was acknowledged. Any other
//! damage, and a file that should be there and is not, fails the opening. What cannot be told
//! from a torn write is damage of more than one bit in the very last batch.
//!
//! Absent: replication (the log is as available as its disk), and any runtime: the same code
//! runs under the simulator.

mod core;
mod directory;
mod failure;
mod file_log;
mod file_system;
pub mod frame;
mod journal;
mod key;
mod ledger;
mod lineages;
mod names;
mod open;
mod options;
mod ranges;
mod record;
mod state;
mod storage;
mod turn;
mod write;

#[cfg(test)]
mod memory;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use directory::Directory;
pub use file_log::FileLog;
pub use open::OpenError;
pub use options::Options;
pub use storage::Storage;
