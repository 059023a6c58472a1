//! What datagrams and streams have in common: the nodes' addresses, the ways between them with their
//! faults, and the record of what happened.

mod link;
mod node;
mod record;
mod stats;
mod ways;

pub use link::LinkOptions;
pub use node::NodeId;
pub use stats::{NetStats, StreamStats};

pub(super) use link::{MINIMUM_LATENCY, fate};
pub(super) use record::{Happening, Record};
pub(super) use ways::Ways;
