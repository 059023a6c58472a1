//! `sweep`: a crash at every step of one run.

use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use indoubt_sim::fuzz::{Broken, Crashes, crashes};
use indoubt_sim::harness::Shipped;

use super::plan::{Plan, What};
use super::shrink::at_once;
use super::{Family, Unwritten, VIOLATED, print, usage};

/// How many broken runs are told.
const TOLD: usize = 10;

/// Crash the coordinator at every step of one run, then each participant, then pairs of them.
///
/// A step is a message that is sent or received, or a call of the disk that begins or has been
/// carried out.
#[derive(Debug, Args)]
pub(super) struct Sweep {
    #[command(flatten)]
    what: What,

    /// What the seed stands for.
    #[arg(long, value_enum, default_value_t = Family::Reference)]
    family: Family,

    /// How many pairs of crashes; all that there are, if they are no more.
    #[arg(long, default_value_t = 1_000)]
    pairs: usize,

    /// How many threads; by default as many as there are cores.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

impl Sweep {
    #[expect(clippy::disallowed_methods, reason = "how long it took, outside of any simulation")]
    pub(super) fn run(self) -> Result<ExitCode, Unwritten> {
        let scenario = match self.what.plan(self.family) {
            Ok(Plan::Scenario(scenario)) => scenario,
            Ok(Plan::Order(_)) => {
                return Ok(usage(
                    "an order of events says itself where to crash: give a seed or a scenario",
                ));
            }
            Err(error) => return Ok(usage(error)),
        };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (start, jobs) = (Instant::now(), self.jobs.map_or(cores, usize::from));
        let swept = crashes(&scenario, &Shipped, self.pairs, jobs);
        let seconds = start.elapsed().as_secs_f64();
        for (place, steps) in &swept.steps {
            print(format_args!("{steps:>8} steps of {place}"))?;
        }
        let Crashes { singles, pairs, broken, .. } = &swept;
        print(format_args!("{singles} runs crashed once, {pairs} twice, in {seconds:.1} s"))?;
        for one in broken.iter().take(TOLD) {
            tell(one)?;
        }
        let Some(first) = broken.first() else {
            print("every invariant held in every run")?;
            return Ok(ExitCode::SUCCESS);
        };
        print(format_args!("{} runs broke an invariant; the first of them", broken.len()))?;
        at_once(&Plan::Scenario(first.scenario.clone().into()), &[], false)?;
        Ok(ExitCode::from(VIOLATED))
    }
}

/// What broke, and the line that replays it: with its scenario, which is written for that.
fn tell(broken: &Broken) -> Result<(), Unwritten> {
    let points: Vec<String> =
        broken.points.iter().map(|point| format!("{}-{}", point.place, point.step)).collect();
    print(format_args!("VIOLATION with a crash at {}", points.join(" and ")))?;
    for violation in &broken.violations {
        print(format_args!("  {violation}"))?;
    }
    let name = format!("indoubt-sweep-{}-{}.toml", broken.scenario.seed, points.join("-"));
    let path = std::env::temp_dir().join(name);
    match std::fs::write(&path, broken.scenario.to_string()) {
        Ok(()) => {
            print(format_args!("replay it with\n  cargo sim replay --scenario {}", path.display()))
        }
        Err(error) => print(format_args!(
            "its scenario cannot be written to {} ({error}); it is\n{}",
            path.display(),
            broken.scenario
        )),
    }
}
