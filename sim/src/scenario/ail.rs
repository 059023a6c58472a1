//! What places suffer from and live through: processes that are killed or stand still while their
//! machines live, slowness, clocks, and cuts of other shapes.
//!
//! Drawn from a stream of its own, so that the rest of a run's schedule is what it is without it.
//! Half of the runs have none of it, the others a few kinds each.

use super::aim::{after, cue, one_of, small};
use super::{Fault, FaultKind, Scenario, Sight, When};
use crate::draw::Draw;
use crate::history::Place;

const STREAM: u64 = (1 << 48) + 4;

/// Draws these faults into the scenario.
pub(super) fn ail(scenario: &mut Scenario) {
    let mut draw = Draw::new(scenario.seed, STREAM);
    if draw.below(2) == 0 {
        return;
    }
    let mut add = |draw: &mut Draw, most: u64, longest_ms: u64, kind: Kind| {
        // Drawn whether or not the kind is on.
        let on = draw.below(4) == 0;
        for _ in 0..=draw.below(most) {
            let fault = Fault {
                when: when(draw, scenario),
                for_ms: 20 + draw.below(longest_ms),
                kind: kind(draw, scenario),
            };
            if on {
                scenario.faults.push(fault);
            }
        }
    };
    add(&mut draw, 2, 600, |draw, scenario| FaultKind::Kill { place: place(draw, scenario) });
    add(&mut draw, 2, 1_500, |draw, scenario| FaultKind::Pause { place: place(draw, scenario) });
    add(&mut draw, 3, 1, |_, _| FaultKind::Takeover);
    add(&mut draw, 2, 1_500, |draw, scenario| {
        let (place, factor) = (place(draw, scenario), factor(draw));
        FaultKind::Slow { place, factor }
    });
    add(&mut draw, 2, 1_500, |draw, scenario| {
        let (one, other) = (Place::Coordinator(0), participant(draw, scenario));
        let (from, to) = if draw.below(2) == 0 { (one, other) } else { (other, one) };
        FaultKind::SlowLink { from, to, factor: factor(draw) }
    });
    add(&mut draw, 1, 1_200, |draw, scenario| FaultKind::Isolate { places: group(draw, scenario) });
    add(&mut draw, 2, 1_500, |draw, scenario| {
        let (a, b) = (Place::Coordinator(0), participant(draw, scenario));
        FaultKind::Flap { a, b, down_ms: 1 + draw.below(200), up_ms: 1 + draw.below(200) }
    });
    // A disk is read when its place comes up.
    add(&mut draw, 1, 3_000, |draw, scenario| {
        let (place, permille) = (place(draw, scenario), 100 + draw.below(800));
        FaultKind::Misread { place, permille: u16::try_from(permille).unwrap_or(1000) }
    });
    add(&mut draw, 3, 1, |draw, scenario| {
        let (place, by_ms) = (place(draw, scenario), draw.below(6 * scenario.deadline_ms));
        FaultKind::ClockJump { place, by_ms }
    });
    add(&mut draw, 2, 1_500, |draw, scenario| {
        let p = u8::try_from(draw.below(scenario.participants.into())).unwrap_or(0);
        FaultKind::Slots { p, most: small(draw.below(2)) }
    });
    let (drifts, drift) = (draw.below(3) == 0, 1 + draw.below(300));
    if drifts {
        scenario.clocks.drift_permille = u16::try_from(drift).unwrap_or(0);
    }
    if draw.below(4) == 0 {
        succession(&mut draw, scenario);
    }
}

/// Draws a fault of one kind.
type Kind = fn(&mut Draw, &Scenario) -> FaultKind;

/// At an event in half of the cases.
fn when(draw: &mut Draw, scenario: &Scenario) -> When {
    let at = When::At(draw.below(scenario.heal_ms));
    let on = When::On(cue(draw, u64::from(scenario.transactions)), after(draw));
    if draw.below(2) == 0 { at } else { on }
}

/// The coordinator's, in half of the cases.
fn place(draw: &mut Draw, scenario: &Scenario) -> Place {
    let (participant, coordinator) = (participant(draw, scenario), draw.below(2) == 0);
    if coordinator { Place::Coordinator(0) } else { participant }
}

fn participant(draw: &mut Draw, scenario: &Scenario) -> Place {
    Place::Participant(u8::try_from(draw.below(scenario.participants.into())).unwrap_or(0))
}

/// A little, or beyond every deadline.
fn factor(draw: &mut Draw) -> u32 {
    let most = if draw.below(2) == 0 { 10 } else { 200 };
    small(2 + draw.below(most))
}

/// Some of the participants, and the coordinator at times.
fn group(draw: &mut Draw, scenario: &Scenario) -> Vec<Place> {
    let places = [Place::Coordinator(0), Place::Coordinator(1)].into_iter();
    let coordinators = draw.below(3) == 0;
    let places = places.filter(|_| coordinators).collect::<Vec<_>>();
    let some = (0..scenario.participants).map(Place::Participant).filter(|_| draw.below(2) == 0);
    let mut group: Vec<Place> = places.into_iter().chain(some).collect();
    if group.is_empty() {
        group.push(Place::Participant(0));
    }
    group
}

/// The coordinator stands still between two steps of a commit, another one takes over meanwhile, and
/// the first goes on where it was.
fn succession(draw: &mut Draw, scenario: &mut Scenario) {
    let event = [Sight::Force, Sight::Vote, Sight::Decision, Sight::Hear];
    let event = event[usize::try_from(draw.below(4)).unwrap_or(0)];
    let cue = one_of(draw, event, scenario.transactions.into());
    let (pause_ms, until_us) = (100 + draw.below(1_500), draw.below(100_000));
    let kind = FaultKind::Pause { place: Place::Coordinator(0) };
    scenario.faults.push(Fault { when: When::On(cue, 0), for_ms: pause_ms, kind });
    let when = When::On(cue, 1 + until_us);
    scenario.faults.push(Fault { when, for_ms: 1, kind: FaultKind::Takeover });
}
