//! Searching seeds for a run that breaks an invariant, in a test.

use std::num::NonZero;
use std::thread::available_parallelism;

use super::Harness;
use super::replay::{Asked, asked, line};
use crate::bend::{Bend, BentParticipant};
use crate::fuzz::{Budget, COMMITTED, Failure, Report, Sweep, commit, sweep};
use crate::parts::{AttendedOf, Kind, Logs};
use crate::scenario::Scenario;
use crate::shrink::{Effort, Shrunk, keep, shrink};
use crate::workload::Workload;
use crate::world::{Run, run_with};

impl<B, L, K, W> Harness<B, L, K, W>
where
    B: Bend,
    L: Logs,
    K: Kind,
    W: Workload<BentParticipant<B, AttendedOf<K>>>,
{
    /// Runs one scenario and judges it.
    pub fn run(&self, scenario: &Scenario) -> Run {
        run_with(scenario, self.clone(), &self.claims)
    }

    /// Searches the seeds on all cores, until one breaks an invariant. It reads no variable and
    /// prints nothing.
    pub fn search(&self) -> Report {
        self.search_on(self.seeds)
    }

    fn search_on(&self, seeds: u64) -> Report {
        let jobs = available_parallelism().map_or(1, NonZero::get);
        let (scenario, budget, claims) = (&self.family, Budget::Seeds(seeds), &self.claims[..]);
        sweep(Sweep { first_seed: 0, budget, jobs, scenario, claims }, self, || {})
    }

    /// Searches the seeds, and demands that every invariant holds in every run, and that a client was
    /// told of a commit in one of them. What they reached is printed.
    ///
    /// `INDOUBT_SEEDS` says how many seeds instead. `INDOUBT_SEED` runs that one alone and prints
    /// what happened, and so does `INDOUBT_SCENARIO` with the scenario in that file, whose path is
    /// from where cargo runs tests, the package's folder; it counts before the seed. `INDOUBT_TX`
    /// prints of that only what concerns one transaction, named as in the history: `1:3`.
    /// `INDOUBT_SHRINK=0` does not look for anything smaller.
    ///
    /// # Panics
    /// With the violations, the smallest scenario that still breaks the first of them, and the lines
    /// that replay both; if nothing was committed, for then the
    /// workload does nothing; or if a variable cannot be obeyed.
    pub fn check(&self) {
        if let Some(run) = self.replayed() {
            assert!(run.violations.is_empty(), "see the VIOLATIONs above");
            return;
        }
        let report = self.search_on(asked().seeds.unwrap_or(self.seeds));
        println!("{} runs\n{}", report.runs, report.reach);
        if let Some(failure) = report.failure {
            let smallest = self.smallest(failure.seed);
            panic!("{}", told(&failure, smallest.as_ref(), report.runs));
        }
        let committed = report.reach.has_seen(COMMITTED);
        assert!(committed, "VACUOUS: in {} runs nothing was committed", report.runs);
    }

    /// Searches the seeds, and demands that an invariant breaks: what is bent is found. The
    /// variables are those of [`check`](Self::check).
    ///
    /// # Panics
    /// If every run keeps every invariant; or if a variable cannot be obeyed.
    pub fn caught(&self) -> Caught {
        if let Some(run) = self.replayed() {
            assert!(!run.violations.is_empty(), "it breaks nothing: unset INDOUBT_SEED to search");
            let seed = asked().seed.unwrap_or_default();
            let Run { hash, violations, .. } = run;
            return Caught { failure: Failure { seed, hash, violations }, smallest: None };
        }
        let report = self.search_on(asked().seeds.unwrap_or(self.seeds));
        let Some(failure) = report.failure else {
            panic!("it survived {} seeds", report.runs);
        };
        let smallest = self.smallest(failure.seed);
        println!("{}", told(&failure, smallest.as_ref(), report.runs));
        Caught { failure, smallest }
    }

    /// The smallest scenario that breaks the invariant that this one breaks first; nothing if it
    /// breaks none. It reads no variable and prints nothing.
    pub fn shrink(&self, scenario: &Scenario) -> Option<Shrunk> {
        shrink(scenario, self, &self.claims, Effort::default())
    }

    /// What a seed has, shrunk, unless nobody wants that.
    fn smallest(&self, seed: u64) -> Option<Shrunk> {
        asked().shrink.then(|| self.shrink(&(self.family)(seed))).flatten()
    }

    /// The run that was asked for, printed.
    fn replayed(&self) -> Option<Run> {
        let Asked { seed, scenario, tx, .. } = asked();
        let scenario = scenario.or_else(|| seed.map(self.family))?;
        let run = self.run(&scenario);
        let shown = tx.map_or_else(|| run.history.clone(), |tx| run.history.of(tx));
        println!("{scenario}\n{shown}\ntrace {:016x}", run.hash);
        for violation in &run.violations {
            println!("VIOLATION {violation}");
        }
        Some(run)
    }
}

/// A bend that was found, as [`Harness::caught`] has it.
#[derive(Clone, Debug)]
pub struct Caught {
    /// The run that broke an invariant.
    pub failure: Failure,
    /// The smallest scenario that still breaks the first that it broke, if it was looked for.
    pub smallest: Option<Shrunk>,
}

/// What broke, and how to see it again.
fn told(failure: &Failure, smallest: Option<&Shrunk>, runs: u64) -> String {
    let Failure { seed, hash, violations } = failure;
    let at = commit().map_or(String::new(), |commit| format!(", at commit {commit}"));
    let broken = violations.iter().map(|violation| {
        format!("  {violation}\n    (claimed: {})\n", violation.invariant.claim())
    });
    let broken = broken.collect::<Vec<_>>().concat();
    let small = smallest.map_or_else(String::new, |shrunk| kept(shrunk, *seed));
    format!(
        "VIOLATION at seed {seed}, trace {hash:016x}, in {runs} runs{at}\n{broken}replay it with\n  {}{small}",
        line(&format!("INDOUBT_SEED={seed}"))
    )
}

/// The smallest, kept as a file, and how to see it.
fn kept(shrunk: &Shrunk, seed: u64) -> String {
    let summary = shrunk.summary();
    match keep(shrunk, seed) {
        Ok(path) => {
            let line = line(&format!("INDOUBT_SCENARIO={}", path.display()));
            format!("\n{summary}:\n\n{shrunk}\nreplay that with\n  {line}")
        }
        Err(unkept) => {
            let line = line("INDOUBT_SCENARIO=FILE");
            format!(
                "\n{summary}:\n\n{shrunk}\n{unkept}; save it as a file, and replay it with\n  {line}"
            )
        }
    }
}
