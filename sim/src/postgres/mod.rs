//! Real Postgres as a kind of participant: the shipped adapter, with the real tokio-postgres client in
//! it, over byte streams to servers that speak the protocol.
//!
//! Nothing of the adapter is otherwise than in service but what dials. The server is
//! [`indoubt_sim_postgres`]'s, one at each participant's node, whose log is on the node's disk: it loses
//! its power with it, and comes up by reading what is left. Its sessions outlive their clients as those
//! of Postgres do, so a late `PREPARE` arrives here too.
//!
//! Absent: what a network address is (a node is one), passwords, and a time zone.

mod client;
mod dialer;
mod effects;
mod kind;
mod schema;
mod seed;
mod server;
mod traps;
mod wal;
mod words;
mod work;

pub(crate) use client::connect;
pub use dialer::{Silence, SimDialer};
pub use kind::PostgresKind;
pub(crate) use kind::{Kept, config};
pub(crate) use seed::{Seed, seeded};
pub use server::PostgresServer;
