//! `replay`: one run, printed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indoubt_sim::bridge::{Carried, CarriedRun, Order, carry};
use indoubt_sim::explore::Inclusion;
use indoubt_sim::harness::Harness;
use indoubt_sim::history::{Entry, History, Tx};
use indoubt_sim::invariants::{Claim, Violation, verdict};
use indoubt_sim::scenario::Scenario;
use indoubt_sim::world::{Run, run_with};
use serde::Serialize;

use super::picture::{Instead, Pictures};
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

    /// Print only what concerns this transaction, named as the history names it.
    #[arg(long, value_name = "EPOCH:NUMBER")]
    tx: Option<Tx>,

    /// Print one JSON object for machines.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    pictures: Pictures,
}

/// Exactly one of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// The seed that `fuzz` printed.
    #[arg(value_name = "SEED", value_parser = seed, allow_negative_numbers = true)]
    seed: Option<u64>,

    /// A file with a scenario, as `replay` prints it, instead of a seed; or with an order of events,
    /// as `explore --simulate` prints it.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
}

/// What is run.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Plan {
    Scenario(Box<Scenario>),
    Order(Order),
}

#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    hash: String,
    /// How far an order was followed, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    carried: Option<String>,
    violations: Vec<(&'static str, &'a str)>,
    history: &'a [Entry],
}

impl Replay {
    pub(super) fn run(self) -> Result<ExitCode, Unwritten> {
        let plan = match self.pictures.check(self.json).and_then(|()| self.plan()) {
            Ok(plan) => plan,
            Err(error) => return Ok(usage(error)),
        };
        let claims = match self.follow.then(Inclusion::new).transpose() {
            Ok(inclusion) => inclusion.map(Inclusion::claim).into_iter().collect::<Vec<_>>(),
            Err(error) => return Ok(usage(error)),
        };
        let (run, carried) = plan.run(&claims);
        let shown = match self.tx {
            None => run.history.clone(),
            Some(tx) if run.history.txs().contains(&tx) => run.history.of(tx),
            Some(tx) => return Ok(usage(unheard_of(tx, &run.history))),
        };
        let drawn = self.pictures.draw(&plan.title(), &plan.to_string(), &run, self.tx);
        let drawn = match drawn {
            Ok(drawn) => drawn,
            Err(error) => return Ok(usage(error)),
        };
        match &drawn.instead {
            Some(Instead::Alone(diagram)) => print(diagram.trim_end())?,
            _ if self.json => print(json(&plan, &run, &shown, carried.as_ref()))?,
            Some(Instead::Listing(columns)) => {
                print(&plan)?;
                print(columns)?;
                conclude(&run, carried.as_ref())?;
                drawn.tell()?;
            }
            None => {
                print(&plan)?;
                tell(&run, &shown, carried.as_ref())?;
                drawn.tell()?;
            }
        }
        Ok(if run.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(VIOLATED) })
    }

    fn plan(&self) -> Result<Plan, String> {
        if let Some(path) = &self.what.scenario {
            return read(path);
        }
        let seed = self.what.seed.unwrap_or_default();
        Ok(Plan::Scenario(self.family.scenario()(seed).into()))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scenario(scenario) => scenario.fmt(f),
            Self::Order(order) => order.fmt(f),
        }
    }
}

impl Plan {
    /// What a picture of it is called.
    fn title(&self) -> String {
        match self {
            Self::Scenario(scenario) => format!("seed {}", scenario.seed),
            Self::Order(_) => "a story, carried over".to_owned(),
        }
    }

    fn run(&self, claims: &[Claim]) -> (Run, Option<Carried>) {
        match self {
            Self::Scenario(scenario) => (run_with(scenario, Harness::shipped(), claims), None),
            Self::Order(order) => {
                let CarriedRun { mut run, carried } = carry(order);
                run.violations = verdict(&run.history, claims);
                (run, carried)
            }
        }
    }
}

/// An order is told from a scenario by its actions.
fn read(path: &Path) -> Result<Plan, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the scenario {} cannot be read: {error}", path.display()))?;
    let table = text.parse::<toml::Table>();
    let plan = if table.is_ok_and(|table| table.contains_key("actions")) {
        text.parse().map(Plan::Order).map_err(|error| error.to_string())
    } else {
        text.parse().map(|one| Plan::Scenario(Box::new(one))).map_err(|error| error.to_string())
    };
    plan.map_err(|error| format!("{}: {error}", path.display()))
}

/// The run has no such transaction.
fn unheard_of(tx: Tx, history: &History) -> String {
    let txs: Vec<_> =
        history.txs().iter().map(|tx| format!("{}:{}", tx.epoch, tx.sequence)).collect();
    format!("the run has no {tx}: it has {}", txs.join(", "))
}

/// Prints what happened, as much of it as is to be shown, and the verdict.
pub(super) fn tell(run: &Run, shown: &History, carried: Option<&Carried>) -> Result<(), Unwritten> {
    print(shown)?;
    conclude(run, carried)
}

/// Prints the verdict.
fn conclude(run: &Run, carried: Option<&Carried>) -> Result<(), Unwritten> {
    print(format_args!("trace {:016x}", run.hash))?;
    // A disagreement is among the violations.
    match carried {
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

fn json(plan: &Plan, run: &Run, shown: &History, carried: Option<&Carried>) -> String {
    let told = |violation: &'_ Violation| violation.invariant.name();
    let violations = run.violations.iter().map(|one| (told(one), one.what.as_str())).collect();
    let json = Json {
        plan,
        hash: format!("{:016x}", run.hash),
        carried: carried.map(Carried::to_string),
        violations,
        history: shown.entries(),
    };
    // Plain structs with string keys: this cannot fail.
    serde_json::to_string(&json).unwrap_or_default()
}
