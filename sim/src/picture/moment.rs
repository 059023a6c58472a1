//! The moment with which a violation became true.
//!
//! A violation does not say when. What is claimed of single transactions, and some of what is claimed
//! of a run, can be asked of the beginning of a history as well: then it is the shortest beginning
//! that is already broken in the same words. Of the rest it is the last event about the transaction
//! that the words name, or the end.

use super::parts::Verdict;
use crate::history::{Event, History, ServiceEvent, Tx};
use crate::invariants::{Facts, Invariant, Violation, of_course, runs};

/// Every violation, with its moment.
pub(super) fn verdicts(history: &History, violations: &[Violation]) -> Vec<Verdict> {
    let verdict = |violation: &Violation| Verdict {
        invariant: violation.invariant.name().to_owned(),
        claim: violation.invariant.claim().to_owned(),
        what: violation.what.clone(),
        mark: moment(history, violation),
    };
    violations.iter().map(verdict).collect()
}

fn moment(history: &History, violation: &Violation) -> usize {
    let events = || history.events();
    let told = match violation.invariant {
        Invariant::NoPanic => events().position(|event| matches!(event, Event::Panicked { .. })),
        Invariant::AsExplored => {
            events().position(|event| matches!(event, Event::Disagreed { .. }))
        }
        Invariant::Own(name, _) => events().position(|event| breaks_own(event, name)),
        _ => None,
    };
    let last_of = |tx| events().enumerate().filter(|(_, e)| e.tx() == Some(tx)).last();
    told.or_else(|| broken_first(history, violation))
        .or_else(|| named(&violation.what).and_then(last_of).map(|(at, _)| at))
        .unwrap_or_else(|| end(history))
}

/// Whether somebody has looked into this claim, and found it broken.
fn breaks_own(event: &Event, name: &str) -> bool {
    let Event::OfService { what } = event else { return false };
    matches!(what, ServiceEvent::LooksInto { claim, broken: Some(_) } if claim == name)
}

/// The end of what happened: what participants hold is read afterwards.
fn end(history: &History) -> usize {
    let happens = |event: &Event| !matches!(event, Event::Row { .. } | Event::Foreign { .. });
    let events: Vec<_> = history.events().collect();
    events.iter().rposition(|event| happens(event)).unwrap_or_default()
}

/// The last event of the shortest beginning that is broken in these words, if one is.
fn broken_first(history: &History, violation: &Violation) -> Option<usize> {
    let (mut holds, mut broken) = (0, history.entries().len());
    if !breaks(history, broken, violation) {
        return None;
    }
    // What is broken stays broken.
    while broken - holds > 1 {
        let middle = holds.midpoint(broken);
        if breaks(history, middle, violation) {
            broken = middle;
        } else {
            holds = middle;
        }
    }
    broken.checked_sub(1)
}

/// Whether the first events of a history break an invariant in these words.
fn breaks(history: &History, events: usize, violation: &Violation) -> bool {
    let beginning: History = history.entries().iter().take(events).cloned().collect();
    let facts = Facts::of(&beginning);
    let what = Some(violation.what.as_str());
    let of_a_run = || match violation.invariant {
        Invariant::Durability => runs::durability(&facts).err(),
        Invariant::Ownership => runs::ownership(&facts).err(),
        Invariant::Idempotence => runs::idempotence(&facts).err(),
        course => of_course(course, &beginning),
    };
    let of_a_transaction = facts.broken.get(&violation.invariant).map(String::as_str);
    of_a_transaction == what || of_a_run().as_deref() == what
}

/// The first transaction that these words name.
fn named(words: &str) -> Option<Tx> {
    let mut after = words.split("tx ").skip(1);
    after.find_map(|rest| {
        let name = rest.split(|c: char| !c.is_ascii_digit() && c != ':').next()?;
        name.trim_end_matches(':').parse().ok()
    })
}
