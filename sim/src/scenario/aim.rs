//! Faults that aim: in half of the runs, half of the faults wait for an event instead of a time,
//! and single messages are struck.
//!
//! What breaks atomic commit comes between two steps of the protocol, and a time hits that by luck.
//! All of this is drawn from a stream of its own, so that the rest of a run's schedule is what it
//! is without it.

use super::{Cue, Fault, FaultKind, MessageDeed, Scenario, Sight, When};
use crate::draw::Draw;
use crate::history::{Place, Word};

const STREAM: u64 = (1 << 48) + 3;

/// What faults wait for, how often of all, and how often it happens before all faults end, about, for
/// ten transactions of the scenario: measured over 3,000 runs. What is waited for and does not come
/// is a fault that is lost.
const SIGHTS: &[(Sight, u64, u64)] = &[
    (Sight::Force, 3, 3),
    (Sight::Decision, 4, 3),
    (Sight::Vote, 4, 9),
    (Sight::End, 3, 7),
    (Sight::Prepare, 2, 8),
    (Sight::Commit, 3, 9),
    (Sight::Abort, 2, 4),
    (Sight::OnePhase, 1, 1),
    (Sight::Hear, 2, 24),
    (Sight::Answer, 1, 4),
    (Sight::AskCommit, 1, 4),
    (Sight::Forget, 2, 4),
    (Sight::Read, 1, 5),
    (Sight::Sync, 2, 34),
    (Sight::Step, 3, 290),
];

/// Those that happen a few times in a run, however long it is.
const RARE: &[(Sight, u64)] = &[(Sight::Open, 3), (Sight::Sweep, 12)];

/// The messages that are struck, and how often of all.
const WORDS: &[(Word, u64)] = &[
    (Word::Prepare, 4),
    (Word::Commit, 4),
    (Word::Abort, 3),
    (Word::Vote, 3),
    (Word::Acknowledgement, 3),
    (Word::OnePhase, 2),
    (Word::OnePhaseAnswer, 2),
    (Word::List, 1),
];

/// Has faults of the scenario aim.
pub(super) fn aim(scenario: &mut Scenario) {
    let mut draw = Draw::new(scenario.seed, STREAM);
    if draw.below(2) == 0 {
        return;
    }
    let transactions = u64::from(scenario.transactions);
    for fault in &mut scenario.faults {
        if draw.below(2) == 0 {
            fault.when = When::On(cue(&mut draw, transactions), after(&mut draw));
        }
    }
    if draw.below(2) == 0 {
        for _ in 0..=draw.below(3) {
            let fault = message(&mut draw, scenario);
            scenario.faults.push(fault);
        }
    }
    if draw.below(3) == 0 {
        pattern(&mut draw, scenario);
    }
}

/// Something that happens a few times in a run of so many transactions.
pub(super) fn cue(draw: &mut Draw, transactions: u64) -> Cue {
    let rare = draw.below(6) == 0;
    if rare {
        let (event, often) = RARE[usize::try_from(draw.below(RARE.len() as u64)).unwrap_or(0)];
        return Cue { event, at: None, nth: small(1 + draw.below(often)) };
    }
    let (event, ..) = *weighted(draw, SIGHTS, |(_, weight, _)| *weight);
    one_of(draw, event, transactions)
}

/// One of these events, of as many as are likely to come.
pub(super) fn one_of(draw: &mut Draw, event: Sight, transactions: u64) -> Cue {
    let listed = SIGHTS.iter().find(|(sight, ..)| *sight == event);
    let of_ten = listed.map_or(10, |(_, _, of_ten)| *of_ten);
    let nth = small(1 + draw.below((of_ten * transactions / 10).max(1)));
    Cue { event, at: None, nth }
}

/// One of these, each as often as its weight says.
fn weighted<'a, T>(draw: &mut Draw, of: &'a [T], weight: impl Fn(&T) -> u64) -> &'a T {
    let mut at = draw.below(of.iter().map(&weight).sum());
    let chosen = of.iter().find(|one| {
        let weight = weight(one);
        let here = at < weight;
        at = at.saturating_sub(weight);
        here
    });
    chosen.unwrap_or(&of[0])
}

/// At once in half of the cases: between this step and what follows from it.
pub(super) fn after(draw: &mut Draw) -> u64 {
    let (at_once, us) = (draw.below(2) == 0, draw.below(4_000));
    if at_once { 0 } else { us }
}

fn message(draw: &mut Draw, scenario: &Scenario) -> Fault {
    let (word, _) = *weighted(draw, WORDS, |(_, weight)| *weight);
    let nth = small(1 + draw.below(u64::from(scenario.transactions)));
    // Now, or long after: longer than every deadline.
    let by_ms = if draw.below(2) == 0 { draw.below(50) } else { draw.below(3_000) };
    let (deed, by_ms) = match draw.below(3) {
        0 => (MessageDeed::Lose, 0),
        1 => (MessageDeed::Again, by_ms),
        _ => (MessageDeed::Late, by_ms),
    };
    let kind = FaultKind::Message { word, nth, from: None, to: None, deed, by_ms };
    Fault { when: When::At(0), for_ms: scenario.heal_ms, kind }
}

/// Faults that belong together.
fn pattern(draw: &mut Draw, scenario: &mut Scenario) {
    let transactions = u64::from(scenario.transactions);
    let participants = scenario.participants;
    let coordinator = Place::Coordinator(0);
    let someone = |draw: &mut Draw| {
        Place::Participant(u8::try_from(draw.below(participants.into())).unwrap_or(0))
    };
    let on = |draw: &mut Draw, event| When::On(one_of(draw, event, transactions), 0);
    let for_ms = 20 + draw.below(600);
    let faults = match draw.below(4) {
        // A cut exactly between the last vote and the force.
        0 => {
            let kind = FaultKind::Cut { a: coordinator, b: someone(draw) };
            vec![Fault { when: on(draw, Sight::Force), for_ms, kind }]
        }
        // Everything at once, right after a decision.
        1 => {
            let when = on(draw, Sight::Decision);
            let all = (0..participants).map(Place::Participant).chain([coordinator]);
            all.map(|place| Fault { when, for_ms, kind: FaultKind::Crash { place } }).collect()
        }
        // The coordinator crashes, and again inside its recovery.
        2 => {
            let kind = FaultKind::Crash { place: coordinator };
            let again = small(2 + draw.below(2));
            let when = When::On(Cue { event: Sight::Open, at: None, nth: again }, after(draw));
            let first = Fault { when: on(draw, Sight::Vote), for_ms: 20, kind: kind.clone() };
            vec![first, Fault { when, for_ms: 20, kind }]
        }
        // A swizzle: places cut one by one, and mended in another order.
        _ => {
            let begin = draw.below(scenario.heal_ms);
            (0..participants)
                .map(|p| {
                    let kind = FaultKind::Cut { a: coordinator, b: Place::Participant(p) };
                    let when = When::At(begin + 40 * u64::from(p));
                    Fault { when, for_ms: 100 + draw.below(600), kind }
                })
                .collect()
        }
    };
    scenario.faults.extend(faults);
}

pub(super) fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
