//! What is known of the smallest so far, and the one question that every pass asks: does this still
//! break it?

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Instant;

use super::Shrunk;
use crate::invariants::{Invariant, Violation};
use crate::scenario::Scenario;
use crate::world::Run;

/// How much may be run in search of something smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// So many runs.
    pub runs: u32,
    /// Runs that send so many messages in all; the last of them is run to its end.
    pub messages: u64,
}

impl Default for Effort {
    /// Enough for nearly everything that a seed can stand for.
    fn default() -> Self {
        Self { runs: 3_000, messages: 1_000_000 }
    }
}

/// A search: the smallest so far, and how to run what may be smaller.
pub struct Search<'a, T> {
    first: T,
    smallest: T,
    run: Run,
    violation: Violation,
    left: Effort,
    runs: u32,
    since: Instant,
    /// What does not break it, as it is printed.
    refused: BTreeSet<String>,
    try_out: &'a mut dyn FnMut(&T) -> Option<Run>,
}

impl<'a, T: Clone + Display + PartialEq> Search<'a, T> {
    /// Begins with this, if it breaks an invariant: the first that it breaks is to stay broken.
    /// `try_out` runs a candidate, if it can be run.
    #[expect(clippy::disallowed_methods, reason = "people are told how long it took")]
    pub fn new(
        first: &T,
        effort: Effort,
        try_out: &'a mut dyn FnMut(&T) -> Option<Run>,
    ) -> Option<Self> {
        let since = Instant::now();
        let run = try_out(first)?;
        let violation = run.violations.first()?.clone();
        Some(Self {
            first: first.clone(),
            smallest: first.clone(),
            run,
            violation,
            left: effort,
            runs: 1,
            since,
            refused: BTreeSet::new(),
            try_out,
        })
    }

    /// The smallest so far.
    pub const fn smallest(&self) -> &T {
        &self.smallest
    }

    /// The run of it.
    pub const fn run(&self) -> &Run {
        &self.run
    }

    /// Whether the effort is spent.
    pub const fn is_over(&self) -> bool {
        self.left.runs == 0 || self.left.messages == 0
    }

    /// Whether this breaks the same. Then it is the smallest from now on: whoever asks says that it
    /// is smaller.
    pub fn accept(&mut self, candidate: T) -> bool {
        if self.is_over() || candidate == self.smallest {
            return false;
        }
        let printed = candidate.to_string();
        if self.refused.contains(&printed) {
            return false;
        }
        let Some(run) = (self.try_out)(&candidate) else { return false };
        self.runs += 1;
        self.left.runs -= 1;
        self.left.messages = self.left.messages.saturating_sub(run.messages);
        let Some(violation) = broken(&run, self.violation.invariant) else {
            self.refused.insert(printed);
            return false;
        };
        (self.smallest, self.violation, self.run) = (candidate, violation, run);
        true
    }

    /// What was found. `extent` says how large something is.
    pub fn finish(self, extent: impl Fn(&T) -> String) -> Shrunk<T> {
        let (before, after) = (extent(&self.first), extent(&self.smallest));
        let (spent, took) = (self.is_over(), self.since.elapsed());
        let Self { smallest, run, violation, runs, .. } = self;
        Shrunk { smallest, run, violation, before, after, runs, took, spent }
    }
}

impl Search<'_, Scenario> {
    /// Whether the smallest still breaks it with this changed.
    pub(super) fn with(&mut self, change: impl FnOnce(&mut Scenario)) -> bool {
        let mut candidate = self.smallest.clone();
        change(&mut candidate);
        self.accept(candidate)
    }
}

fn broken(run: &Run, invariant: Invariant) -> Option<Violation> {
    run.violations.iter().find(|violation| violation.invariant == invariant).cloned()
}
