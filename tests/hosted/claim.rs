//! What must hold of ledgers, whatever happens.

use std::collections::BTreeMap;

use indoubt_sim::history::{Event, History};

use super::entries::number;

/// What no operator had a hand in is in every ledger that has a branch of it, or in none, and once.
pub(crate) fn everywhere_or_nowhere(history: &History) -> Result<(), String> {
    let mut places: BTreeMap<u64, i64> = BTreeMap::new();
    let mut entries: BTreeMap<u64, i64> = BTreeMap::new();
    for event in history.events() {
        match *event {
            Event::Enlisted { tx, .. } => *places.entry(number(tx)).or_default() += 1,
            Event::OperatorEnded { tx, .. } => drop(places.insert(number(tx), i64::MIN)),
            Event::Row { key, value, .. } => *entries.entry(key).or_default() += value,
            _ => {}
        }
    }
    let wrong = entries
        .iter()
        .find(|(tx, many)| (0..i64::MAX).contains(&places[tx]) && places[tx] != **many);
    wrong.map_or(Ok(()), |(tx, many)| Err(format!("{tx:#x}: {many} of {} entries", places[tx])))
}
