//! What a seed stands for where a service of one's own runs.
//!
//! It is what the seed stands for elsewhere, with as many participants as there are databases, and with
//! faults that meet the service. That one does little, and soon: most of its faults wait for a step of
//! some place, or come early. Those are left out that a service cannot be held to, because they take back
//! what was committed or are somebody's mistake (a failover to a standby that lacks the latest, an
//! operator's hand, a second process under the same id), and those of what only a coordinator has: handles,
//! slots for prepared branches, evidence of how they ended.

use std::time::Duration;

use crate::draw::Draw;
use crate::history::Place;
use crate::scenario::{
    Cue, Fault, FaultKind, Habits, Locks, Scenario, Servers, Sight, When, Workload,
};

/// Beside those of the generator.
const STREAM: u64 = (1 << 48) + 9;

/// Few steps more likely than many, up to 2 to this.
const STEPS: u64 = 8;

/// The scenario of a seed.
pub(super) fn scenario(seed: u64, databases: u8, rests_within: Duration) -> Scenario {
    let drawn = Scenario::with_participants(seed, databases.max(2)).at(Servers::Own);
    let mut draw = Draw::new(seed, STREAM);
    let faults = drawn.faults.iter().filter(|fault| concerns(&fault.kind));
    let faults = faults.map(|fault| met(fault, &mut draw, databases, drawn.heal_ms)).collect();
    Scenario {
        workload: Workload::Orders { items: 1, stock: 0 },
        transactions: 1,
        clients: 1,
        think_ms: if draw.below(2) == 0 { 0 } else { drawn.think_ms },
        rest_within_ms: u64::try_from(rests_within.as_millis()).unwrap_or(u64::MAX),
        habits: Habits::default(),
        locks: Locks::default(),
        faults,
        ..drawn
    }
}

/// Whether it can strike here, and be held against a service.
const fn concerns(kind: &FaultKind) -> bool {
    match kind {
        FaultKind::Crash { .. }
        | FaultKind::Kill { .. }
        | FaultKind::Pause { .. }
        | FaultKind::Cut { .. }
        | FaultKind::CutOneWay { .. }
        | FaultKind::Isolate { .. }
        | FaultKind::Flap { .. }
        | FaultKind::Slow { .. }
        | FaultKind::SlowLink { .. }
        | FaultKind::ClockJump { .. }
        | FaultKind::Disk { .. }
        | FaultKind::DiskFull { .. }
        | FaultKind::DiskStuck { .. }
        | FaultKind::Misread { .. }
        | FaultKind::EndSessions { .. }
        | FaultKind::SessionCrash { .. }
        | FaultKind::Message { .. } => true,
        FaultKind::LetGo
        | FaultKind::Undriven
        | FaultKind::Takeover
        | FaultKind::Rival
        | FaultKind::Operator { .. }
        | FaultKind::Forget { .. }
        | FaultKind::Failover { .. }
        | FaultKind::Slots { .. } => false,
    }
}

/// The same fault where the service meets it: mostly at a step of a place, else early, else as it was
/// drawn.
fn met(fault: &Fault, draw: &mut Draw, databases: u8, heal_ms: u64) -> Fault {
    let (how, nth) = (draw.below(4), few(draw, STEPS));
    let (someone, early_ms) = (draw.below(u64::from(databases) + 1), few(draw, 12));
    let at = match u8::try_from(someone) {
        Ok(p) if p < databases => Place::Participant(p),
        _ => Place::Coordinator(0),
    };
    let nth = u32::try_from(nth).unwrap_or(u32::MAX);
    let when = match how {
        0 | 1 => When::On(Cue { event: Sight::Step, at: Some(at), nth }, 0),
        2 => When::At(early_ms.min(heal_ms)),
        _ => fault.when,
    };
    Fault { when, ..fault.clone() }
}

/// A number from 1 to 2 to this power, small ones as often as large ones.
fn few(draw: &mut Draw, power: u64) -> u64 {
    let below = 1 << draw.below(power + 1);
    1 + draw.below(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_drawn_can_be_run_and_concerns_a_service() {
        let mut struck = 0;
        for (seed, databases) in (0..300).flat_map(|seed| [1, 2, 5].map(|count| (seed, count))) {
            let scenario = scenario(seed, databases, Duration::from_secs(30));
            assert_eq!(scenario.check(), Ok(()), "seed {seed}");
            assert_eq!(scenario.participants, databases.max(2));
            assert!(scenario.faults.iter().all(|fault| concerns(&fault.kind)));
            struck += scenario.faults.len();
        }
        assert!(struck > 900, "{struck} faults in 900 scenarios");
    }
}
