//! A Postgres server as a library, for simulations.
//!
//! It speaks the real protocol to the real client, and does what PostgreSQL 15 does under
//! two-phase commit: versions of rows and snapshots, locks that wait and deadlock, transactions
//! that are prepared, survive a crash and keep their locks, a log whose tail a crash may take.
//! It has no runtime, no sockets, no randomness, no clock and no disk of its own: the host
//! supplies them ([`Wal`], [`Clock`], [`Options`], a byte stream for each client), so the same
//! server runs inside a simulator, where a seed decides everything, and in a plain test.
//!
//! What it does not support it refuses with SQLSTATE 0A000 and a message that says that this is a
//! simulated server; it does nothing by halves.
//!
//! # How to read it
//! From the outside in: `edges` and `options` are what the host supplies, `server` is what it
//! holds. A client's bytes go through `wire` to a `session`, which reads them with `sql`, plans
//! with `plan`, evaluates with `exec`, and changes `heap` and `catalog` under `locks`. `xact` is a
//! transaction while it runs, `wal` what is left of it after a crash.
//!
//! # How it differs from PostgreSQL
//! Execution takes no time: what is seen between two waits happens in one moment. There is no
//! background work: no checkpoints, no autovacuum, no statistics, no replication (a failover is a
//! new [`Server`] over a part of the log, of a later timeline). There are no
//! serializable transactions. A start minds only what is prepared at the end of the log; that of
//! Postgres also what was prepared at any time since the last checkpoint. Roles, privileges and `ALTER TABLE` are seen by
//! others before their transaction commits.

mod catalog;
mod edges;
mod error;
mod exec;
mod heap;
mod locks;
mod options;
mod plan;
mod server;
mod session;
mod sql;
mod value;
mod wal;
mod wire;
mod xact;

pub use edges::{By, Clock, Effect, Observer, Wal, What};
pub use options::{Authentication, Options, Role};
pub use server::{BackendInfo, OpenError, PreparedInfo, Server, Shutdown};
