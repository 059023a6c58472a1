//! Shorter, earlier and rounder: all the numbers of a schedule.

use super::Search;
use super::round::{lower, narrow};
use crate::scenario::{FaultKind, Scenario, When, Workload};

/// Makes the numbers smaller, as far as they go.
pub(super) fn rounder(search: &mut Search<'_, Scenario>) {
    for index in 0..search.smallest().faults.len() {
        of_a_fault(search, index);
    }
    lower(search, search.smallest().heal_ms, 1, |scenario, ms| scenario.heal_ms = ms);
    lower(search, search.smallest().deadline_ms, 100, |scenario, ms| scenario.deadline_ms = ms);
    lower(search, search.smallest().acknowledge_ms, 100, |scenario, ms| {
        scenario.acknowledge_ms = ms;
    });
    lower(search, search.smallest().recovery_ms, 100, |scenario, ms| scenario.recovery_ms = ms);
    match search.smallest().workload {
        Workload::Transfers { accounts: rows, .. } | Workload::Orders { items: rows, .. } => {
            lower(search, rows, 1, |scenario, less| match &mut scenario.workload {
                Workload::Transfers { accounts: rows, .. }
                | Workload::Orders { items: rows, .. } => *rows = less,
            });
        }
    }
}

fn of_a_fault(search: &mut Search<'_, Scenario>, index: usize) {
    let fault = search.smallest().faults[index].clone();
    lower(search, fault.for_ms, 1, |scenario, ms| scenario.faults[index].for_ms = ms);
    match fault.when {
        When::At(ms) => lower(search, ms, 0, |scenario, ms| {
            scenario.faults[index].when = When::At(ms);
        }),
        When::On(cue, us) => {
            lower(search, us, 0, |scenario, us| {
                if let When::On(_, after) = &mut scenario.faults[index].when {
                    *after = us;
                }
            });
            lower(search, cue.nth, 1, |scenario, nth| {
                if let When::On(cue, _) = &mut scenario.faults[index].when {
                    cue.nth = narrow(nth);
                }
            });
        }
    }
    if let FaultKind::Message { nth, by_ms, .. } = fault.kind {
        lower(search, nth, 1, |scenario, less| {
            if let FaultKind::Message { nth, .. } = &mut scenario.faults[index].kind {
                *nth = narrow(less);
            }
        });
        lower(search, by_ms, 0, |scenario, less| {
            if let FaultKind::Message { by_ms, .. } = &mut scenario.faults[index].kind {
                *by_ms = less;
            }
        });
    }
}
