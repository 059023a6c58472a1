//! The ledger with a seat at a simulated node.

use std::collections::BTreeMap;
use std::io;

use indoubt_sim::hosting::{Hosted, Seat};
use indoubt_sim::parts::WorkRefused;

use crate::ledger::{Ledger, Page};

/// Ledgers. Those that are `FORGETFUL` begin empty after a loss of power.
#[derive(Clone)]
pub(crate) struct Ledgers<const FORGETFUL: bool>;

impl<const FORGETFUL: bool> Hosted for Ledgers<FORGETFUL> {
    type Participant = Ledger;
    type Op = String;

    async fn open(&self, seat: Seat) -> io::Result<Ledger> {
        let (journal, records) = seat.journal()?;
        let ledger = Ledger::seated(&seat, journal);
        records.into_iter().filter(|_| !FORGETFUL).for_each(|record| ledger.apply(record));
        Ok(ledger)
    }

    async fn work(&self, page: &Page, line: String) -> Result<Option<i64>, WorkRefused> {
        page.write(&line);
        Ok(None)
    }

    /// How often each transaction's number is there.
    fn rows(&self, ledger: &Ledger) -> Vec<(u64, i64)> {
        let mut rows = BTreeMap::new();
        for line in ledger.entries() {
            *rows.entry(line.parse().unwrap_or(u64::MAX)).or_default() += 1;
        }
        rows.into_iter().collect()
    }
}
