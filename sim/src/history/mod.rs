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
pub mod rows;
mod service;
mod timeline;

use std::hash::Hash;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use event::{Ailment, Entry, Event, Place, Told, Tx, VoteKind, Waits};
pub use passing::{Ask, Heard, Reading, Word};
pub(crate) use report::number_of;
pub use report::{Reason, Swept, Unreached};
pub use service::ServiceEvent;

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
    scribe: Option<Scribe>,
}

/// Takes down each entry as it is recorded.
type Scribe = Box<dyn FnMut(Entry) + Send>;

impl Recorder {
    /// A recorder that keeps nothing, and has each entry taken down before whoever records it goes
    /// on: for a process that can be killed at any moment, whose history is read by another.
    /// Entries come one at a time, in the order in which they were recorded; their times may be a
    /// little out of it, for they are read before.
    pub fn dictating(scribe: impl FnMut(Entry) + Send + 'static) -> Self {
        let inner = Inner { scribe: Some(Box::new(scribe)), ..Inner::default() };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// Writes an event down, at the virtual time since the run began.
    pub fn record(&self, at: Duration, event: Event) {
        let mut inner = lock(&self.inner);
        let at_us = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
        inner.trace.word(at_us);
        event.hash(&mut inner.trace);
        let entry = Entry { at_us, event };
        match &mut inner.scribe {
            Some(scribe) => scribe(entry),
            None => inner.entries.push(entry),
        }
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
mod tests;
