//! `replay`: one run, printed.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use indoubt_sim::history::Entry;
use indoubt_sim::scenario::Scenario;
use indoubt_sim::world::{Run, run};
use serde::Serialize;

use super::{VIOLATED, print, usage};

/// Run one seed, or a scenario from a file, and print what happened.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The seed that `fuzz` printed.
    #[arg(required_unless_present = "scenario", conflicts_with = "scenario")]
    seed: Option<u64>,

    /// A file with a scenario, as `replay` prints it, instead of a seed.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// What the seed stands for.
    #[arg(long, value_enum, default_value_t = Family::Swarm, conflicts_with = "scenario")]
    family: Family,

    /// Print one JSON object for machines.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Family {
    /// Everything is drawn from the seed.
    Swarm,
    /// The fixed shape for measuring.
    Reference,
}

#[derive(Serialize)]
struct Json<'a> {
    scenario: &'a Scenario,
    hash: String,
    violations: Vec<(&'static str, &'a str)>,
    history: &'a [Entry],
}

impl Replay {
    pub(super) fn run(self) -> ExitCode {
        let scenario = match self.scenario() {
            Ok(scenario) => scenario,
            Err(error) => return usage(error),
        };
        let run = run(&scenario);
        if self.json {
            print(json(&scenario, &run));
        } else {
            print(&scenario);
            print(&run.history);
            print(format_args!("trace {:016x}", run.hash));
            for violation in &run.violations {
                print(format_args!("VIOLATION {violation}"));
            }
            if run.violations.is_empty() {
                print("every invariant held");
            }
        }
        if run.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(VIOLATED) }
    }

    fn scenario(&self) -> Result<Scenario, String> {
        let Some(path) = &self.scenario else {
            let of = if self.family == Family::Swarm {
                Scenario::from_seed
            } else {
                Scenario::reference
            };
            return Ok(of(self.seed.unwrap_or_default()));
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("the scenario {} cannot be read: {error}", path.display()))?;
        text.parse().map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn json(scenario: &Scenario, run: &Run) -> String {
    let json = Json {
        scenario,
        hash: format!("{:016x}", run.hash),
        violations: run
            .violations
            .iter()
            .map(|violation| (violation.invariant, violation.what.as_str()))
            .collect(),
        history: run.history.entries(),
    };
    // Plain structs with string keys: this cannot fail.
    serde_json::to_string(&json).unwrap_or_default()
}
