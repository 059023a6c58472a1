//! What happened in a run: typed events in order of time, and nothing else.
//!
//! Invariants read only this. Participants and the coordinator's edges record an event when
//! the thing is true, durable if it claims so, never when it is merely intended.

mod event;
mod fold;
mod of;
mod passing;
mod place;
mod report;
pub(crate) mod rows;
mod timeline;

use std::hash::Hash;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use event::{Ailment, Entry, Event, Place, Told, Tx, VoteKind, Waits};
pub use passing::{Ask, Heard, Reading, Word};
pub(crate) use report::number_of;
pub use report::{Reason, Swept, Unreached};

use crate::lock::lock;
use crate::trace::Trace;

/// The events of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    entries: Vec<Entry>,
}

impl History {
    /// The events in order of time.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The events without their times.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.entries.iter().map(|entry| &entry.event)
    }
}

impl FromIterator<Entry> for History {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect() }
    }
}

/// Where a run's events are written to. Clones write to the same history.
#[derive(Clone, Default)]
pub struct Recorder {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    entries: Vec<Entry>,
    trace: Trace,
}

impl Recorder {
    /// Writes an event down, at the virtual time since the run began.
    pub fn record(&self, at: Duration, event: Event) {
        let mut inner = lock(&self.inner);
        let at_us = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
        inner.trace.word(at_us);
        event.hash(&mut inner.trace);
        inner.entries.push(Entry { at_us, event });
    }

    /// Writes an event down, at the time of the last one.
    pub(crate) fn record_now(&self, event: Event) {
        let last = lock(&self.inner).entries.last().map_or(0, |last| last.at_us);
        self.record(Duration::from_micros(last), event);
    }

    /// What something makes of the last event of which it makes anything.
    pub(crate) fn last<T>(&self, of: impl FnMut(&Event) -> Option<T>) -> Option<T> {
        lock(&self.inner).entries.iter().rev().map(|entry| &entry.event).find_map(of)
    }

    /// Takes the history out, with the hash over it.
    pub fn finish(&self) -> (History, Trace) {
        let mut inner = lock(&self.inner);
        (History { entries: std::mem::take(&mut inner.entries) }, inner.trace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::run;
    use crate::scenario::Scenario;

    /// Whoever has a history from elsewhere judges the same as whoever has made it.
    #[test]
    fn what_is_printed_for_machines_reads_back() {
        for seed in 0..20 {
            for entry in run(&Scenario::from_seed(seed)).history.entries() {
                let line = serde_json::to_string(entry).expect("it is plain data");
                let read: Entry = serde_json::from_str(&line).expect("it reads back");
                assert_eq!(read, *entry, "{line}");
            }
        }
    }
}
