//! Faults tied to what happened just before them.
//!
//! A fault that is to come a moment after a decision comes there in a run of two transactions as in
//! one of twenty; at 1,803 ms it does not.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Search;
use super::work::began;
use crate::history::{Event, Place, Tx};
use crate::scenario::{Cue, Fault, Scenario, Sight, When};
use crate::world::{Run, sight_of};

/// How many events before a fault are tried.
const BACK: usize = 6;

/// Something that happened, as faults can wait for it.
#[derive(Clone, Copy)]
struct Seen {
    at: Duration,
    sight: Sight,
    place: Option<Place>,
    tx: Option<Tx>,
}

/// What happened in a run, as far as faults can wait for it.
fn seen(run: &Run) -> Vec<Seen> {
    let entries = run.history.entries().iter();
    let seen = entries.filter_map(|entry| {
        let (sight, place) = sight_of(&entry.event)?;
        Some(Seen { at: Duration::from_micros(entry.at_us), sight, place, tx: entry.event.tx() })
    });
    seen.collect()
}

/// The faults of a scenario as they come when only the transactions of these numbers are begun: each
/// where it came in this run, after the last thing before it that still happens.
pub(super) fn tied(scenario: &Scenario, run: &Run, numbers: &[u32]) -> Vec<Fault> {
    let begun = run.history.events().filter(|event| began(event)).filter_map(Event::tx);
    let named = (0..scenario.transactions).map(|nth| scenario.number(nth)).zip(begun);
    let kept = named.filter(|(number, _)| numbers.contains(number)).map(|(_, tx)| tx);
    let kept: BTreeSet<Tx> = kept.collect();
    let still = |one: &&Seen| one.tx.is_none_or(|tx| kept.contains(&tx));
    let all = seen(run);
    let left: Vec<Seen> = all.iter().filter(still).copied().collect();
    let faults = scenario.faults.iter().enumerate();
    faults
        .map(|(index, fault)| {
            let when = recounted(fault.when, &all, &kept)
                .or_else(|| after(&left, left.len(), *run.begun.get(&index)?))
                .unwrap_or(fault.when);
            Fault { when, ..fault.clone() }
        })
        .collect()
}

/// The same event, if it still happens, counted among those that do.
fn recounted(when: When, all: &[Seen], kept: &BTreeSet<Tx>) -> Option<When> {
    let When::On(cue, us) = when else { return None };
    let meant = |one: &&Seen| one.sight == cue.event && (cue.at.is_none() || one.place == cue.at);
    let still = |one: &&Seen| one.tx.is_none_or(|tx| kept.contains(&tx));
    let come = all.iter().filter(meant).take(usize::try_from(cue.nth).ok()?);
    let come: Vec<&Seen> = come.collect();
    // With fewer of them it never came.
    let it = come.last().filter(|_| u32::try_from(come.len()) == Ok(cue.nth))?;
    let nth = u32::try_from(come.iter().filter(|one| still(one)).count()).ok()?;
    still(it).then_some(When::On(Cue { nth, ..cue }, us))
}

/// At this moment, by the last of these that was not later.
fn after(seen: &[Seen], before: usize, moment: Duration) -> Option<When> {
    let last = seen[..before].iter().rposition(|one| one.at <= moment)?;
    let Seen { at, sight, .. } = seen[last];
    let nth = seen[..=last].iter().filter(|one| one.sight == sight).count();
    let cue = Cue { event: sight, at: None, nth: u32::try_from(nth).ok()? };
    let us = u64::try_from(moment.saturating_sub(at).as_micros()).ok()?;
    Some(When::On(cue, us))
}

/// Turns faults at a time into faults at an event that is just before it: at the event itself, or
/// as long after it.
pub(super) fn to_events(search: &mut Search<'_, Scenario>) {
    for index in 0..search.smallest().faults.len() {
        let When::At(_) = search.smallest().faults[index].when else { continue };
        let Some(moment) = search.run().begun.get(&index).copied() else { continue };
        let seen = seen(search.run());
        let earlier = seen.iter().filter(|one| one.at <= moment).count();
        let backwards = (1..=earlier).rev().take(BACK);
        let later: Vec<When> = backwards.filter_map(|to| after(&seen, to, moment)).collect();
        let at_once = later.iter().map(|when| match *when {
            When::On(cue, _) => When::On(cue, 0),
            at @ When::At(_) => at,
        });
        let mut candidates = at_once.chain(later.iter().copied());
        let _tied =
            candidates.any(|when| search.with(|scenario| scenario.faults[index].when = when));
    }
}
