//! Work at ledgers: each transaction enters its number in two of them, or in one, or nonsense.

use std::collections::BTreeMap;

use indoubt::{Clock, DecisionLog, Participant};
use indoubt_sim::history::{Event, History, Tx};
use indoubt_sim::parts::Works;
use indoubt_sim::workload::{GaveUp, Job, Workload};

#[derive(Clone)]
pub(crate) struct Entries;

impl<P: Participant<Branch: Works<Op = String>>> Workload<P> for Entries {
    async fn transact<L: DecisionLog, C: Clock>(
        &self,
        job: &Job<'_, L, C, P>,
    ) -> Result<(), GaveUp> {
        let (number, odd) = (number(job.tx()).to_string(), job.draw().below(20));
        job.work(0, if odd == 0 { "nonsense".to_owned() } else { number.clone() }).await?;
        if odd != 1 {
            job.work(1, number).await?;
        }
        Ok(())
    }
}

const fn number(tx: Tx) -> u64 {
    tx.epoch << 32 | tx.sequence
}

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
