//! How often a coordinator's process ends without a crash, and how often somebody watches what its
//! sweeps report.
//!
//! Drawn from streams of their own, so that the rest of a run's schedule is what it is without them.

use super::aim::one_of;
use super::{Fault, FaultKind, Scenario, Sight, When};
use crate::draw::Draw;

const STREAM: u64 = (1 << 48) + 5;
const WATCHES: u64 = (1 << 48) + 6;

/// After what something may have been begun that is not ended.
const SIGHTS: [Sight; 4] = [Sight::AskCommit, Sight::Vote, Sight::Force, Sight::Decision];

/// In one run of four the handles are dropped, in one of six the driver.
pub(super) fn ends(scenario: &mut Scenario) {
    let mut draw = Draw::new(scenario.seed, STREAM);
    for (kind, runs) in [(FaultKind::LetGo, 4), (FaultKind::Undriven, 6)] {
        let (on, at_event) = (draw.below(runs) == 0, draw.below(2) == 0);
        let at_ms = draw.below(scenario.heal_ms);
        let event = SIGHTS[usize::try_from(draw.below(4)).unwrap_or(0)];
        let cue = one_of(&mut draw, event, scenario.transactions.into());
        let (after_us, for_ms) = (draw.below(3) * draw.below(4_000), 20 + draw.below(800));
        if on {
            let when = if at_event { When::On(cue, after_us) } else { When::At(at_ms) };
            scenario.faults.push(Fault { when, for_ms, kind });
        }
    }
}

/// In one run of three.
pub(super) fn watch(scenario: &mut Scenario) {
    let mut draw = Draw::new(scenario.seed, WATCHES);
    let (on, pause_ms) = (draw.below(3) == 0, 20 + draw.below(500));
    if on {
        scenario.habits.watch_ms = pause_ms;
    }
}
