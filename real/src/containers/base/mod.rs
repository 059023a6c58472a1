//! What every way of having a server stands on: its errors, its secrets, what is asked of a machine,
//! and the word to whoever runs the tests.

pub(super) mod announce;
mod error;
mod machine;
mod order;
pub(super) mod secret;

pub(super) use error::in_full;
pub use error::{ControlError, PassedOver, SourceError, StartError};
pub(super) use machine::Machine;
pub(super) use order::Order;
