//! Invariants on the rows that the workloads leave behind.

use std::collections::BTreeMap;

use super::{Facts, TxFacts};
use crate::history::rows::{Meaning, marker, meaning};

/// The total is constant at quiescence, *and* each transaction's marker is on all the
/// participants where it wrote or on none: a sum can hide errors that compensate.
///
/// Rows that are neither markers nor orders are accounts, or stock: what orders took plus
/// what is left must be what was there, item by item, and nothing is below zero.
pub(super) fn conservation(facts: &Facts<'_>) -> Result<(), String> {
    if !facts.quiesced || !facts.marked {
        return Ok(());
    }
    markers(facts)?;
    if let Some(((p, key), value)) = facts.rows.iter().find(|(_, value)| **value < 0) {
        return Err(format!("row {key:#x} of participant-{p} is {value}"));
    }
    if facts.txs.values().any(TxFacts::is_out_of_hand) {
        // What an operator ended against the decision, or a failover has lost, does not add up; the
        // markers told the rest.
        return Ok(());
    }
    totals(facts)?;
    stock(facts)
}

fn markers(facts: &Facts<'_>) -> Result<(), String> {
    let mut found: BTreeMap<u64, (i64, Vec<u8>)> = BTreeMap::new();
    for ((p, key), value) in facts.rows.iter().filter(|((_, key), _)| is_marker(*key)) {
        let (expected, at) = found.entry(*key).or_insert((*value, Vec::new()));
        *expected = (*expected).max(*value);
        at.push(*p);
    }
    for (key, (expected, at)) in found {
        let touched = facts.txs.iter().any(|(id, tx)| marker(*id) == key && tx.is_out_of_hand());
        if i64::try_from(at.len()).ok() != Some(expected) && !touched {
            return Err(format!(
                "marker {key:#x} is on participants {at:?}, and should be on {expected}"
            ));
        }
    }
    Ok(())
}

/// What orders hold counts with what the rows hold.
fn totals(facts: &Facts<'_>) -> Result<(), String> {
    let total = |rows: &BTreeMap<(u8, u64), i64>| -> i64 {
        rows.iter().filter(|((_, key), _)| !is_marker(*key)).map(|(_, value)| value).sum()
    };
    let (before, after) = (total(&facts.seeded), total(&facts.rows));
    if before == after { Ok(()) } else { Err(format!("the total was {before} and is {after}")) }
}

fn stock(facts: &Facts<'_>) -> Result<(), String> {
    let mut ordered: BTreeMap<(u8, u64), i64> = BTreeMap::new();
    for ((_, key), quantity) in &facts.rows {
        if let Meaning::Order { p, item, .. } = meaning(*key) {
            *ordered.entry((p, item)).or_default() += quantity;
        }
    }
    for ((p, item), quantity) in ordered {
        let stock = |rows: &BTreeMap<(u8, u64), i64>| rows.get(&(p, item)).copied().unwrap_or(0);
        let taken = stock(&facts.seeded) - stock(&facts.rows);
        if taken != quantity {
            return Err(format!(
                "item {item} of participant-{p}: {quantity} ordered, {taken} taken"
            ));
        }
    }
    Ok(())
}

fn is_marker(key: u64) -> bool {
    matches!(meaning(key), Meaning::Marker(_))
}
