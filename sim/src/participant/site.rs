//! Where a participant's server is, and who is around it.

use std::time::Duration;

use indoubt::CoordinatorId;

use super::durable::Recorded;
use crate::net::NodeId;
use crate::world::Timed;

/// Where a server is, and whose branches it keeps account of.
#[derive(Clone)]
pub struct Site {
    /// The participant's number.
    pub p: u8,
    /// The coordinator under test.
    pub owner: CoordinatorId,
    /// Whether a standby receives what it writes.
    pub has_standby: bool,
    /// The address of another process under the same id, if there can be one.
    pub rival: Option<NodeId>,
    /// After this long without work a session that is not prepared is rolled back.
    pub idle: Duration,
    /// What has been recorded of it.
    pub recorded: Recorded,
    /// Where its history goes.
    pub events: Timed,
}
