//! Searching seeds for a run that breaks an invariant, in a test.

use super::Harness;
use super::replay::asked;
use super::trial::{Found, Trial};
use crate::bend::{Bend, BentParticipant};
use crate::fuzz::{COMMITTED, Failure, Report};
use crate::parts::{AttendedOf, Kind, Logs};
use crate::scenario::Scenario;
use crate::shrink::Shrunk;
use crate::workload::Workload;
use crate::world::Run;

impl<B, L, K, W> Harness<B, L, K, W>
where
    B: Bend,
    L: Logs,
    K: Kind,
    W: Workload<BentParticipant<B, AttendedOf<K>>>,
{
    /// Runs one scenario and judges it.
    pub fn run(&self, scenario: &Scenario) -> Run {
        self.trial().run(scenario)
    }

    fn trial(&self) -> Trial<'_, Self> {
        Trial { runs: self, family: &self.family, seeds: self.seeds, claims: &self.claims }
    }

    /// Searches the seeds on all cores, until one breaks an invariant. It reads no variable and
    /// prints nothing.
    pub fn search(&self) -> Report {
        self.trial().search()
    }

    /// Searches the seeds, and demands that every invariant holds in every run, and that a client was
    /// told of a commit in one of them. What they reached is printed.
    ///
    /// `INDOUBT_SEEDS` says how many seeds instead. `INDOUBT_SEED` runs that one alone and prints
    /// what happened, and so does `INDOUBT_SCENARIO` with the scenario in that file, whose path is
    /// from where cargo runs tests, the package's folder; it counts before the seed. `INDOUBT_TX`
    /// prints of that only what concerns one transaction, named as in the history: `1:3`.
    /// `INDOUBT_HTML` is a file for a page of it. `INDOUBT_SHRINK=0` does not look for anything smaller.
    ///
    /// # Panics
    /// With the violations, the smallest scenario that still breaks the first of them, and the lines
    /// that replay both; if nothing was committed, for then the
    /// workload does nothing; or if a variable cannot be obeyed.
    pub fn check(&self) {
        let trial = self.trial();
        if let Some(run) = trial.replayed() {
            assert!(run.violations.is_empty(), "see the VIOLATIONs above");
            return;
        }
        let report = trial.search_as_asked();
        println!("{} runs\n{}", report.runs, report.reach);
        if let Some(failure) = report.failure {
            panic!("{}", trial.found(&failure, report.runs).told);
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
        let trial = self.trial();
        if let Some(run) = trial.replayed() {
            assert!(!run.violations.is_empty(), "it breaks nothing: unset INDOUBT_SEED to search");
            return Caught::replayed(run);
        }
        let report = trial.search_as_asked();
        let Some(failure) = report.failure else {
            panic!("it survived {} seeds", report.runs);
        };
        let Found { smallest, told } = trial.found(&failure, report.runs);
        println!("{told}");
        Caught { failure, smallest }
    }

    /// The smallest scenario that breaks the invariant that this one breaks first; nothing if it
    /// breaks none. It reads no variable and prints nothing.
    pub fn shrink(&self, scenario: &Scenario) -> Option<Shrunk> {
        self.trial().shrink(scenario)
    }
}

/// What was found, as [`Harness::caught`] has it.
#[derive(Clone, Debug)]
pub struct Caught {
    /// The run that broke an invariant.
    pub failure: Failure,
    /// The smallest scenario that still breaks the first that it broke, if it was looked for.
    pub smallest: Option<Shrunk>,
}

impl Caught {
    /// In the run that was asked for.
    pub(crate) fn replayed(run: Run) -> Self {
        let seed = asked().seed.unwrap_or_default();
        let Run { hash, violations, .. } = run;
        Self { failure: Failure { seed, hash, violations }, smallest: None }
    }
}
