//! `replay`: one run, printed.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indoubt_sim::explore::Inclusion;
use indoubt_sim::history::Entry;
use indoubt_sim::scenario::Scenario;
use indoubt_sim::world::{Carried, Run, run};
use serde::Serialize;

use super::{Family, Unwritten, VIOLATED, print, seed, usage};

/// Run one seed, or a scenario from a file, and print what happened.
#[derive(Debug, Args)]
pub(super) struct Replay {
    #[command(flatten)]
    what: What,

    /// What the seed stands for.
    #[arg(long, value_enum, default_value_t = Family::Swarm)]
    family: Family,

    /// Also ask whether the explorer allows what happened.
    #[arg(long)]
    follow: bool,

    /// Print one JSON object for machines.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Json<'a> {
    scenario: &'a Scenario,
    hash: String,
    /// How far an order was followed, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    carried: Option<String>,
    violations: Vec<(&'static str, &'a str)>,
    history: &'a [Entry],
}

/// Exactly one of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// The seed that `fuzz` printed.
    #[arg(value_name = "SEED", value_parser = seed, allow_negative_numbers = true)]
    seed: Option<u64>,

    /// A file with a scenario, as `replay` prints it, instead of a seed.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
}

impl Replay {
    pub(super) fn run(self) -> Result<ExitCode, Unwritten> {
        let scenario = match self.scenario() {
            Ok(scenario) => scenario,
            Err(error) => return Ok(usage(error)),
        };
        let mut run = run(&scenario);
        if self.follow {
            match Inclusion::new() {
                Ok(inclusion) => run.follow(&inclusion),
                Err(error) => return Ok(usage(error)),
            }
        }
        if self.json {
            print(json(&scenario, &run))?;
        } else {
            print(&scenario)?;
            tell(&run)?;
        }
        Ok(if run.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(VIOLATED) })
    }

    fn scenario(&self) -> Result<Scenario, String> {
        let Some(path) = &self.what.scenario else {
            return Ok(self.family.scenario()(self.what.seed.unwrap_or_default()));
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("the scenario {} cannot be read: {error}", path.display()))?;
        text.parse().map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// Prints what happened and the verdict.
pub(super) fn tell(run: &Run) -> Result<(), Unwritten> {
    print(&run.history)?;
    print(format_args!("trace {:016x}", run.hash))?;
    // A disagreement is among the violations.
    match &run.carried {
        Some(Carried::Disagreement { .. }) | None => {}
        Some(carried) => print(carried)?,
    }
    for violation in &run.violations {
        print(format_args!("VIOLATION {violation}"))?;
    }
    if run.violations.is_empty() {
        print("every invariant held")?;
    }
    Ok(())
}

fn json(scenario: &Scenario, run: &Run) -> String {
    let json = Json {
        scenario,
        hash: format!("{:016x}", run.hash),
        carried: run.carried.as_ref().map(Carried::to_string),
        violations: run
            .violations
            .iter()
            .map(|violation| (violation.invariant.name(), violation.what.as_str()))
            .collect(),
        history: run.history.entries(),
    };
    // Plain structs with string keys: this cannot fail.
    serde_json::to_string(&json).unwrap_or_default()
}
