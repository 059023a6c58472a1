//! Less work: fewer transactions, of fewer clients, at fewer participants.

use super::round::{lower, narrow};
use super::ties::tied;
use super::{Search, ddmin};
use crate::history::{Event, Place};
use crate::scenario::{Cue, Fault, Scenario, Servers, When};

/// From how many transactions on they are not named one by one.
const MANY: u32 = 200;

/// Leaves out transactions that nobody came to begin, as where clients never pause.
pub(super) fn begun(search: &mut Search<'_, Scenario>) {
    let begun = search.run().history.events().filter(|event| began(event)).count();
    let begun = u32::try_from(begun).unwrap_or(u32::MAX).max(1);
    if search.smallest().numbers.is_empty() && begun < search.smallest().transactions {
        search.with(|scenario| scenario.transactions = begun);
    }
}

/// Leaves out transactions. What is left keeps its numbers, and so does what it does; faults stay
/// where they are beside it, or where they are in time.
pub(super) fn fewer_transactions(search: &mut Search<'_, Scenario>) {
    if search.smallest().numbers.is_empty() {
        lower(search, search.smallest().transactions, 1, |scenario, transactions| {
            scenario.transactions = narrow(transactions);
        });
    }
    let scenario = search.smallest();
    if scenario.transactions > MANY {
        return;
    }
    ddmin(&numbers(scenario), |some| {
        let mut scenario = search.smallest().clone();
        only(&mut scenario, some);
        let faults = tied(search.smallest(), search.run(), some);
        let beside = Scenario { faults, ..scenario.clone() };
        search.accept(beside) || search.accept(scenario)
    });
}

/// Only the transactions of these numbers, which are in order.
pub(super) fn only(scenario: &mut Scenario, numbers: &[u32]) {
    scenario.transactions = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    let first = numbers.iter().copied().eq(0..scenario.transactions);
    scenario.numbers = if first { Vec::new() } else { numbers.to_vec() };
}

/// The numbers of the transactions, in order.
pub(super) fn numbers(scenario: &Scenario) -> Vec<u32> {
    (0..scenario.transactions).map(|nth| scenario.number(nth)).collect()
}

pub(super) const fn began(event: &Event) -> bool {
    matches!(event, Event::Began { .. })
}

/// Fewer clients that pause less, fewer participants, fewer rows.
pub(super) fn fewer_hands(search: &mut Search<'_, Scenario>) {
    lower(search, search.smallest().clients, 1, |scenario, clients| {
        scenario.clients = narrow(clients);
    });
    let all = search.smallest().participants;
    let fewest = if search.smallest().servers == Servers::Own { all } else { 2 };
    for participants in fewest..all {
        if search.with(|scenario| at_only(scenario, participants)) {
            break;
        }
    }
    lower(search, search.smallest().think_ms, 0, |scenario, ms| scenario.think_ms = ms);
}

/// Only so many participants, and nothing that names another.
fn at_only(scenario: &mut Scenario, participants: u8) {
    let is_there = |place: Place| !matches!(place, Place::Participant(p) if p >= participants);
    let concerned = |fault: &Fault| {
        let cue = match fault.when {
            When::On(Cue { at, .. }, _) => at,
            When::At(_) => None,
        };
        fault.kind.places().into_iter().chain(cue).all(is_there)
    };
    scenario.participants = participants;
    scenario.faults.retain(concerned);
    if let Some(traffic) = &mut scenario.traffic {
        traffic.sick = traffic.sick.filter(|p| *p < participants);
    }
}
