//! Faults on real servers, judged by the same invariants over the same kind of history.
//!
//! The simulator proves the protocol against servers, networks and disks that it plays itself. Here
//! none of them is played: real Postgres servers are killed, a coordinator that is a process of its own
//! is killed, connections are cut at every message, and what happens is written down as the same
//! [`History`](indoubt_sim::history::History), and put to the same
//! [`verdict`](indoubt_sim::invariants::verdict).
//!
//! Three rooms make a run: the [`arena`] has the servers, with a proxy before each, and the coordinator's
//! process, which is this program again, [serving](serve); what the two processes say to each other is in
//! [`words`]. Two go through faults: [`sweep`] strikes every message of a transaction, one after the other,
//! and [`soak`] draws faults while clients never pause. The [`judge`] says what a history from outside can
//! and cannot be asked.
//!
//! Deliberately absent: loss of power, for SIGKILL leaves a machine's page cache intact (the simulator's
//! disks lose what was not synced), and replay, since a real run depends on more than a seed. Missing are
//! full disks: the one that a container can be given with a limit is in memory, and does not survive the
//! container's kill, so it takes runs of its own.

pub mod arena;
pub mod cli;
pub mod judge;
pub mod serve;
pub mod soak;
pub mod sweep;
pub mod time;
pub mod words;
