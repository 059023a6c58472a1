//! A simulated database: durable and volatile state, row locks, votes.
//!
//! The server side runs on a node of its own, behind the simulated network and on a simulated
//! disk; the client side is a [`Participant`](indoubt::Participant) like any other. Sessions
//! are as in a real database: a branch lives in a session until it is prepared, a session
//! dies with its server, and a prepared branch is known by its gid alone.

mod client;
mod durable;
mod kind;
mod locks;
mod server;
mod store;
mod wire;

pub use client::{Line, SimBranch, SimParticipant};
pub use durable::{Durable, Recorded};
pub use kind::SimKind;
pub use server::Server;
pub use wire::{Message, Reply, Request, Xid};
