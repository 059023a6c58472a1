//! What a transaction's driver waits for: inputs of its machine, and the texts beside them.

use std::time::Duration;

use super::super::shared::Shared;
use crate::outcome::Heuristic;
use crate::participant::{Receipt, Refusal};
use crate::protocol::{BranchId, Input};

/// An event of the world: an input for the machine, and the text that goes with it.
pub(super) type Event = (Input, Detail);

/// What the machine does not carry.
pub(super) enum Detail {
    Nothing,
    Receipt(BranchId, Receipt),
    /// Of a branch.
    Reason(BranchId, String),
    /// Of a branch that has rolled back.
    Refusal(BranchId, Refusal),
    /// Of the log.
    OfTheLog(String),
    Heuristic(BranchId, Heuristic),
}

pub(super) async fn after(shared: &Shared, delay: Duration, input: Input) -> Event {
    shared.clock.sleep(delay).await;
    (input, Detail::Nothing)
}
