//! Whether sessions wait for locked rows, as a scenario has it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Scenario, Workload};
use crate::draw::Draw;

const STREAM: u64 = (1 << 48) + 7;

/// What a session does that comes to a row which another one has locked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Locks {
    /// It waits for so many milliseconds at most, by its server's clock; at 0 it is refused at once.
    pub wait_ms: u64,
}

impl Locks {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(super) fn refuse_at_once(&self) -> bool {
        *self == Self::default()
    }

    /// The longest wait.
    pub(crate) const fn timeout(self) -> Duration {
        Duration::from_millis(self.wait_ms)
    }
}

/// In one run of three they wait, at times for longer than the client does. Half of those have so few
/// accounts that transactions come to wait for each other in a circle.
pub(super) fn locks(scenario: &mut Scenario) {
    let mut draw = Draw::new(scenario.seed, STREAM);
    let (on, wait_ms) = (draw.below(3) == 0, 10 + draw.below(scenario.deadline_ms * 3 / 2));
    let (crowded, few) = (draw.below(2) == 0, 1 + draw.below(3));
    if on {
        scenario.locks.wait_ms = wait_ms;
        if let Workload::Transfers { accounts, .. } = &mut scenario.workload
            && crowded
        {
            *accounts = few;
        }
    }
}
