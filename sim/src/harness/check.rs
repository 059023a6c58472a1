//! Searching seeds for a run that breaks an invariant, in a test.

use std::num::NonZero;
use std::thread::available_parallelism;

use super::Harness;
use super::replay::{Asked, asked, line};
use crate::bend::{Bend, BentParticipant};
use crate::fuzz::{Budget, COMMITTED, Failure, Report, Sweep, commit, sweep};
use crate::parts::{Kind, Logs};
use crate::scenario::Scenario;
use crate::workload::Workload;
use crate::world::{Run, run_with};

impl<B, L, K, W> Harness<B, L, K, W>
where
    B: Bend,
    L: Logs,
    K: Kind,
    W: Workload<BentParticipant<B, K::Participant>>,
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
        let (scenario, budget, claims) = (self.family, Budget::Seeds(seeds), &self.claims[..]);
        sweep(Sweep { first_seed: 0, budget, jobs, scenario, claims }, self, || {})
    }

    /// Searches the seeds, and demands that every invariant holds in every run, and that a client was
    /// told of a commit in one of them. What they reached is printed.
    ///
    /// `INDOUBT_SEEDS` says how many seeds instead. `INDOUBT_SEED` runs that one alone and prints
    /// what happened, and so does `INDOUBT_SCENARIO` with the scenario in that file, whose path is
    /// from where cargo runs tests, the package's folder; it counts before the seed. `INDOUBT_TX`
    /// prints of that only what concerns one transaction, named as in the history: `1:3`.
    ///
    /// # Panics
    /// With the violations, and the line that replays them; if nothing was committed, for then the
    /// workload does nothing; or if a variable cannot be obeyed.
    pub fn check(&self) {
        if let Some(run) = self.replayed() {
            assert!(run.violations.is_empty(), "see the VIOLATIONs above");
            return;
        }
        let report = self.search_on(asked().seeds.unwrap_or(self.seeds));
        println!("{} runs\n{}", report.runs, report.reach);
        if let Some(failure) = report.failure {
            panic!("{}", told(&failure, report.runs));
        }
        let committed = report.reach.has_seen(COMMITTED);
        assert!(committed, "VACUOUS: in {} runs nothing was committed", report.runs);
    }

    /// Searches the seeds, and demands that an invariant breaks: what is bent is found. The
    /// variables are those of [`check`](Self::check).
    ///
    /// # Panics
    /// If every run keeps every invariant; or if a variable cannot be obeyed.
    pub fn caught(&self) -> Failure {
        if let Some(run) = self.replayed() {
            assert!(!run.violations.is_empty(), "it breaks nothing: unset INDOUBT_SEED to search");
            let seed = asked().seed.unwrap_or_default();
            return Failure { seed, hash: run.hash, violations: run.violations };
        }
        let report = self.search_on(asked().seeds.unwrap_or(self.seeds));
        let Some(failure) = report.failure else {
            panic!("it survived {} seeds", report.runs);
        };
        println!("{}", told(&failure, report.runs));
        failure
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

/// What broke, and how to see it again.
fn told(failure: &Failure, runs: u64) -> String {
    let Failure { seed, hash, violations } = failure;
    let at = commit().map_or(String::new(), |commit| format!(", at commit {commit}"));
    let broken = violations.iter().map(|violation| {
        format!("  {violation}\n    (claimed: {})\n", violation.invariant.claim())
    });
    let broken = broken.collect::<Vec<_>>().concat();
    format!(
        "VIOLATION at seed {seed}, trace {hash:016x}, in {runs} runs{at}\n{broken}replay it with\n  {}",
        line(*seed)
    )
}
