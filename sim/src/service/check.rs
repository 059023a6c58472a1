//! Searching seeds for a run in which a service breaks something, in a test.

use super::Service;
use super::family;
use super::stage::Stage;
use super::twice::same_again;
use crate::fuzz::{Report, SERVED};
use crate::harness::{Caught, Found, Trial, picture};
use crate::invariants::{Claim, Invariant};
use crate::picture::columns::Columns;
use crate::scenario::Scenario;
use crate::shrink::Shrunk;
use crate::world::{Run, Runs, run_with};

/// How many seeds are run twice.
const TWICE: u64 = 8;

impl Service {
    /// The scenario of a seed.
    pub fn scenario(&self, seed: u64) -> Scenario {
        let databases = u8::try_from(self.databases.len()).unwrap_or(u8::MAX);
        family::scenario(seed, databases, self.rests_within)
    }

    /// Runs one scenario and judges it.
    ///
    /// # Panics
    /// If it has not as many participants as there are databases, and two at least.
    pub fn run(&self, scenario: &Scenario) -> Run {
        self.stage().run(scenario, &self.claims)
    }

    /// Searches the seeds on all cores, until one breaks an invariant. It reads no variable and
    /// prints nothing.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method is that of a trial of one lifetime"
    )]
    pub fn search(&self) -> Report {
        self.on_trial(|trial| trial.search())
    }

    /// Searches the seeds, and demands that every claim and every invariant holds in every run, that
    /// a run is the same run again, and that the service has returned without an error in one of them.
    ///
    /// The variables are those of [`Harness::check`](crate::harness::Harness::check).
    ///
    /// # Panics
    /// With the violations, the smallest scenario that still breaks the first of them, what happens
    /// in it, and the lines that replay both; with where two runs of a seed part; if the service
    /// returned an error in every run; or if a variable cannot be obeyed.
    pub fn check(&self) {
        self.on_trial(|trial| {
            if let Some(run) = trial.replayed() {
                assert!(run.violations.is_empty(), "see the VIOLATIONs above");
                return;
            }
            let report = searched(trial);
            if let Some(failure) = &report.failure {
                panic!("{}", told(trial.found(failure, report.runs)).0);
            }
            println!("{} runs\n{}", report.runs, report.reach.faults());
            let served = report.reach.has_seen(SERVED);
            assert!(
                served,
                "VACUOUS: in {} runs the service never returned without an error; see what it \
                 returns with INDOUBT_SEED=0",
                report.runs
            );
        });
    }

    /// Searches the seeds, and demands that something breaks: a mistake is found. The variables are
    /// those of [`check`](Self::check).
    ///
    /// # Panics
    /// If every run keeps every claim and every invariant; with where two runs of a seed part; or if a
    /// variable cannot be obeyed.
    pub fn caught(&self) -> Caught {
        self.on_trial(|trial| {
            if let Some(run) = trial.replayed() {
                assert!(
                    !run.violations.is_empty(),
                    "it breaks nothing: unset INDOUBT_SEED to search"
                );
                return Caught::replayed(run);
            }
            let report = searched(trial);
            let Some(failure) = report.failure else {
                panic!("it survived {} seeds", report.runs);
            };
            let (told, smallest) = told(trial.found(&failure, report.runs));
            println!("{told}");
            Caught { failure, smallest }
        })
    }

    fn on_trial<T>(&self, with: impl FnOnce(&Trial<'_, Staged>) -> T) -> T {
        let staged = Staged(self.stage());
        let family = |seed| self.scenario(seed);
        let (seeds, claims) = (self.seeds, &self.claims[..]);
        with(&Trial { runs: &staged, family: &family, seeds, claims })
    }
}

/// Runs a service and no other participants than its own.
struct Staged(Stage);

impl Runs for Staged {
    fn run_scenario(&self, scenario: &Scenario, claims: &[Claim]) -> Run {
        self.0.run(scenario, claims)
    }
}

impl Stage {
    fn run(&self, scenario: &Scenario, claims: &[Claim]) -> Run {
        let (has, servers) = (usize::from(scenario.participants), self.servers.0.len());
        assert!(has == servers, "a scenario with {has} participants, and {servers} servers");
        run_with(scenario, self.clone(), claims)
    }
}

/// Searches, and runs some of the seeds twice.
///
/// # Panics
/// Where two runs of a seed part.
fn searched(trial: &Trial<'_, Staged>) -> Report {
    let twice = |seed| {
        let same = same_again(&(trial.family)(seed), |scenario| trial.run(scenario));
        same.unwrap_or_else(|parting| panic!("{parting}"))
    };
    for seed in 0..TWICE.min(trial.seeds) {
        twice(seed);
    }
    let report = trial.search_as_asked();
    if let Some(failure) = &report.failure {
        twice(failure.seed);
    }
    report
}

/// What most services that do not return lack.
const BOUND: &str = "\n\nNothing says that a server has lost its power to who only waits for its answer: \
                     bound what the service waits for, with Machine::within.";

/// What was found in words, with what happens in the smallest, a column for each place.
fn told(Found { smallest, told }: Found) -> (String, Option<Shrunk>) {
    let drawn = smallest.as_ref().map(|shrunk| {
        let picture = picture("", &shrunk.smallest, &shrunk.run);
        let waits = shrunk.violation.invariant == Invariant::Termination;
        format!("\n\n{}{}", Columns(&picture), if waits { BOUND } else { "" })
    });
    (told + &drawn.unwrap_or_default(), smallest)
}
