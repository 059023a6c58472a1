//! What a search for something smaller has found.

use std::fmt;
use std::time::Duration;

use crate::invariants::Violation;
use crate::scenario::Scenario;
use crate::world::Run;

/// The smallest that was found, and what it still breaks.
///
/// It is displayed as a file: what broke in a comment, then the scenario itself.
#[derive(Clone, Debug)]
pub struct Shrunk<T = Scenario> {
    /// It.
    pub smallest: T,
    /// Its run.
    pub run: Run,
    /// What it breaks: of the invariant that was to stay broken.
    pub violation: Violation,
    /// How large the first was.
    pub before: String,
    /// How large it is.
    pub after: String,
    /// How many runs the search took.
    pub runs: u32,
    /// How long it took.
    pub took: Duration,
    /// Whether it ended because its effort was spent, so that there may be something smaller.
    pub spent: bool,
}

impl<T> Shrunk<T> {
    /// From how much to how much, and what it took.
    pub fn summary(&self) -> String {
        let Self { before, after, runs, .. } = self;
        let seconds = self.took.as_secs_f64();
        let spent = if self.spent { "; its effort was spent before it was done" } else { "" };
        format!("shrunk from {before} to {after}, in {runs} runs and {seconds:.1} s{spent}")
    }

    /// The same, of another type.
    pub fn map<U>(self, of: impl FnOnce(T) -> U) -> Shrunk<U> {
        let Self { smallest, run, violation, before, after, runs, took, spent } = self;
        Shrunk { smallest: of(smallest), run, violation, before, after, runs, took, spent }
    }
}

impl<T: fmt::Display> fmt::Display for Shrunk<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A panic may have several lines to say; the comment has one.
        let what = self.violation.to_string();
        let words: Vec<&str> = what.split_whitespace().collect();
        writeln!(f, "# {}", words.join(" "))?;
        self.smallest.fmt(f)
    }
}

/// How large a scenario is.
pub(super) fn extent(scenario: &Scenario) -> String {
    let of =
        |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let transactions = usize::try_from(scenario.transactions).unwrap_or(usize::MAX);
    [
        of(scenario.faults.len(), "fault"),
        of(transactions, "transaction"),
        of(scenario.clients.into(), "client"),
        of(scenario.participants.into(), "participant"),
    ]
    .join(", ")
}
