//! Running seeds on worker threads until one fails or the budget is spent.
//!
//! Threads take seeds from one counter, and a run depends on its seed alone, so the number of
//! threads changes nothing but the time. Each run has a runtime of its own.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Halves, Reach};
use crate::invariants::{Claim, Violation};
use crate::scenario::Scenario;
use crate::world::{Run, Runs};

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// After this many seeds.
    Seeds(u64),
    /// After this much real time.
    Time(Duration),
}

/// Which runs to make.
#[derive(Clone, Copy)]
pub struct Sweep<'a> {
    /// The first seed; the others follow it.
    pub first_seed: u64,
    /// When to stop.
    pub budget: Budget,
    /// How many threads; at least 1.
    pub jobs: usize,
    /// What a seed stands for.
    pub scenario: &'a (dyn Fn(u64) -> Scenario + Sync),
    /// What is claimed of each run beside the invariants.
    pub claims: &'a [Claim],
}

/// A run that broke an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// Its trace hash.
    pub hash: u64,
    /// What it broke.
    pub violations: Vec<Violation>,
}

/// What a sweep found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many runs there were.
    pub runs: u64,
    /// How long they took, in real time.
    pub took: Duration,
    /// Messages sent in all of them.
    pub messages: u64,
    /// What they reached.
    pub reach: Reach,
    /// How long half of a transaction was in view.
    pub halves: Halves,
    /// The failing run of the smallest seed among those found.
    pub failure: Option<Failure>,
}

impl Report {
    fn add(&mut self, seed: u64, run: Run) {
        self.runs += 1;
        self.messages += run.messages;
        self.reach.add(&run);
        self.halves.add(&run.history);
        if !run.violations.is_empty() && self.failure.as_ref().is_none_or(|other| other.seed > seed)
        {
            self.failure = Some(Failure { seed, hash: run.hash, violations: run.violations });
        }
    }

    fn merge(&mut self, other: Self) {
        self.runs += other.runs;
        self.messages += other.messages;
        self.reach.merge(&other.reach);
        self.halves.merge(&other.halves);
        if let Some(failure) = other.failure
            && self.failure.as_ref().is_none_or(|known| known.seed > failure.seed)
        {
            self.failure = Some(failure);
        }
    }
}

/// Makes the runs. `progress` is called after each of them, from any thread.
///
/// Stops at the first failure; runs that are under way are finished, and the failure of the
/// smallest seed is reported, so that more threads report the same one as long as they are few.
#[expect(
    clippy::disallowed_methods,
    reason = "a budget of real time is measured outside of any simulation"
)]
pub fn sweep(sweep: Sweep<'_>, runs: &impl Runs, progress: impl Fn() + Sync) -> Report {
    let start = Instant::now();
    let (next, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let report = Mutex::new(Report::default());
    let worker = || {
        let mut mine = Report::default();
        while !failed.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let spent = match sweep.budget {
                Budget::Seeds(seeds) => index >= seeds,
                Budget::Time(limit) => start.elapsed() >= limit,
            };
            if spent {
                break;
            }
            let seed = sweep.first_seed.wrapping_add(index);
            let run = runs.run_scenario(&(sweep.scenario)(seed), sweep.claims);
            mine.add(seed, run);
            if mine.failure.is_some() {
                failed.store(true, Ordering::Relaxed);
            }
            progress();
        }
        report.lock().unwrap_or_else(PoisonError::into_inner).merge(mine);
    };
    std::thread::scope(|scope| {
        for _ in 0..sweep.jobs.max(1) {
            scope.spawn(worker);
        }
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.took = start.elapsed();
    report
}
