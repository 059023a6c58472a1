//! The history of a run that two processes write.
//!
//! Each writes its own events in order, stamped with the same clock; at the end they are put together by
//! their times. What the coordinator's process writes keeps its order whatever the stamps say: they are
//! read a moment before the entry is written, and two of its threads can meet there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indoubt_sim::history::{Entry, Event, History, Tx};

use crate::serve::HERE;
use crate::time::Beginning;

/// What has happened so far. Clones write to the same.
#[derive(Clone, Debug)]
pub struct Story {
    beginning: Beginning,
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default)]
struct Told {
    entries: Vec<Entry>,
    /// The latest time at which the coordinator's process wrote something.
    heard_us: u64,
    /// The full names of transactions that may have been asked to commit.
    called: BTreeMap<Tx, String>,
    begun: u32,
    /// The epoch of the last opening of the log.
    epoch: Option<u64>,
}

impl Story {
    pub(super) fn new(beginning: Beginning) -> Self {
        Self { beginning, told: Arc::default() }
    }

    /// Begins anew with this event. The transactions before are no longer told of, so everything has to
    /// be at rest, and written down: then the opening of the log that goes on is told as one that found nothing to do.
    pub(super) fn begin(&self, event: Event) {
        let mut told = self.told();
        (told.entries, told.called) = Default::default();
        let epoch = told.epoch;
        drop(told);
        self.tell(event);
        if let Some(epoch) = epoch {
            self.tell(Event::Started { place: HERE });
            self.tell(Event::Opened { by: HERE, epoch, unfinished: Vec::new() });
        }
    }

    /// Something has happened that the coordinator's process does not write down.
    pub fn tell(&self, event: Event) {
        let at_us = u64::try_from(self.beginning.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.told().entries.push(Entry { at_us, event });
    }

    /// The coordinator's process has written this.
    pub(super) fn hear(&self, mut entry: Entry) {
        let mut told = self.told();
        told.heard_us = told.heard_us.max(entry.at_us);
        entry.at_us = told.heard_us;
        if let Event::Opened { epoch, .. } = entry.event {
            told.epoch = Some(epoch);
        }
        told.entries.push(entry);
    }

    pub(super) fn is_called(&self, tx: Tx, gid: String) {
        let mut told = self.told();
        told.begun += 1;
        told.called.insert(tx, gid);
    }

    /// How many transactions have ever been begun.
    pub fn begun(&self) -> u32 {
        self.told().begun
    }

    /// How many events have been told of.
    pub fn events(&self) -> usize {
        self.told().entries.len()
    }

    /// The full names of all transactions that have been asked to commit.
    pub(super) fn asked(&self) -> Vec<String> {
        let told = self.told();
        let asked = told.entries.iter().filter_map(|entry| match entry.event {
            Event::AskedCommit { tx } => told.called.get(&tx).cloned(),
            _ => None,
        });
        asked.collect()
    }

    /// All of it, in order of time.
    pub fn history(&self) -> History {
        let mut entries = self.told().entries.clone();
        // Stable: what each process wrote stays in its order.
        entries.sort_by_key(|entry| entry.at_us);
        entries.into_iter().collect()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // Whole after every statement.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
