//! The part of a history that concerns one transaction.

use std::str::FromStr;

use super::{Entry, Event, History, Tx};

impl History {
    /// What concerns one transaction: what is about it, and what befell places from its first event
    /// to its last. Empty if nothing is about it.
    pub fn of(&self, tx: Tx) -> Self {
        let about = |event: &Event| event.tx() == Some(tx);
        let (first, last) = (
            self.events().position(about).unwrap_or(usize::MAX),
            self.entries.iter().rposition(|entry| about(&entry.event)).unwrap_or(0),
        );
        let concerns = |(at, entry): (usize, &Entry)| {
            let meanwhile = first <= at && at <= last;
            about(&entry.event) || meanwhile && entry.event.is_of_a_place()
        };
        let entries = self.entries.iter().enumerate();
        entries.filter(|entry| concerns(*entry)).map(|(_, entry)| entry.clone()).collect()
    }

    /// The transactions that it tells of, in order of their names.
    pub fn txs(&self) -> Vec<Tx> {
        let mut txs: Vec<_> = self.events().filter_map(Event::tx).collect();
        txs.sort_unstable();
        txs.dedup();
        txs
    }
}

impl FromStr for Tx {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once(':').and_then(|(epoch, sequence)| {
            Some(Self { epoch: epoch.parse().ok()?, sequence: sequence.parse().ok()? })
        });
        numbers
            .ok_or_else(|| format!("{text:?} is not a transaction: write 1:3, as the history does"))
    }
}
