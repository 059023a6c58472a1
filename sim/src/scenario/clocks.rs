//! How far the machines' clocks are from true, as a scenario has it.

use serde::{Deserialize, Serialize};

use super::{FaultKind, Scenario};
use crate::clock::NodeClock;
use crate::draw::Draw;
use crate::history::Place;

/// How far clocks are from true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clocks {
    /// Each machine's clock runs faster or slower by up to so many of 1000: by how many, its stream
    /// says.
    pub drift_permille: u16,
}

/// The first stream that drifts are drawn from, one a machine.
const STREAM: u64 = 9 << 48;

impl Clocks {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(super) fn are_true(&self) -> bool {
        *self == Self::default()
    }

    /// How long it can take until the slowest clock has counted so many milliseconds.
    pub(super) fn at_most_ms(self, ms: u64) -> u64 {
        ms * 1_000 / u64::from(1_000 - self.drift_permille.min(999))
    }
}

impl Scenario {
    /// The clock of a machine: coordinator processes share one.
    pub(crate) fn clock_of(&self, place: Place) -> NodeClock {
        let machine = |place| match place {
            Place::Coordinator(_) => 0,
            Place::Participant(p) => 1 + u64::from(p),
        };
        let jumps = self.faults.iter().any(|fault| match fault.kind {
            FaultKind::ClockJump { place: at, .. } => machine(at) == machine(place),
            _ => false,
        });
        let drift = u64::from(self.clocks.drift_permille);
        if drift == 0 {
            return NodeClock::new(1_000, jumps);
        }
        let drawn = Draw::new(self.seed, STREAM + machine(place)).below(2 * drift + 1);
        NodeClock::new(u32::try_from(1_000 - drift + drawn).unwrap_or(1_000), jumps)
    }
}
