//! What happened in a run: typed events in order of time, and nothing else.
//!
//! Invariants read only this. Participants and the coordinator's edges record an event when
//! the thing is true, durable if it claims so, never when it is merely intended.

mod edge;
mod event;
mod timeline;

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use edge::{Ask, Heard, Reading};
pub use event::{Entry, Event, Place, Told, Tx, VoteKind, Waits};

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
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let at_us = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
        inner.trace.word(at_us);
        event.hash(&mut inner.trace);
        inner.entries.push(Entry { at_us, event });
    }

    /// Takes the history out, with the hash over it.
    pub fn finish(&self) -> (History, Trace) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        (History { entries: std::mem::take(&mut inner.entries) }, inner.trace)
    }
}
