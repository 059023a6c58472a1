//! What a command is asked to run: what a seed stands for, or what a file has.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use indoubt_sim::bridge::{Carried, CarriedRun, Order, carry, shrink_order};
use indoubt_sim::explore::Inclusion;
use indoubt_sim::harness::Shipped;
use indoubt_sim::invariants::{Claim, verdict};
use indoubt_sim::scenario::{Scenario, Servers};
use indoubt_sim::shrink::{Effort, Shrunk, shrink};
use indoubt_sim::world::{Run, Runs};
use serde::Serialize;

use super::{Family, Participants, seed};

/// What to run, and what with.
#[derive(Debug, Args)]
pub(super) struct What {
    #[command(flatten)]
    named: Named,

    /// What the participants of a seed are; a file says it by itself.
    #[arg(long, value_enum, default_value_t = Participants::Simulated)]
    participants: Participants,
}

/// Exactly one of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Named {
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
pub(super) enum Plan {
    Scenario(Box<Scenario>),
    Order(Order),
}

impl What {
    /// The plan.
    ///
    /// # Errors
    /// The file has none.
    pub(super) fn plan(&self, family: Family) -> Result<Plan, String> {
        if let Some(path) = &self.named.scenario {
            return read(path);
        }
        let seed = self.named.seed.unwrap_or_default();
        Ok(Plan::Scenario(family.scenario(seed, self.participants).into()))
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
    pub(super) fn title(&self) -> String {
        match self {
            Self::Scenario(scenario) => format!("seed {}", scenario.seed),
            Self::Order(_) => "a story, carried over".to_owned(),
        }
    }

    pub(super) const fn seed(&self) -> u64 {
        match self {
            Self::Scenario(scenario) => scenario.seed,
            Self::Order(order) => order.seed,
        }
    }

    /// The smallest that breaks the same, if it breaks something.
    pub(super) fn shrink(&self, claims: &[Claim]) -> Option<Shrunk<Self>> {
        let effort = Effort::default();
        match self {
            Self::Scenario(scenario) => {
                let shrunk = shrink(scenario, &Shipped, claims, effort)?;
                Some(shrunk.map(|smallest| Self::Scenario(smallest.into())))
            }
            Self::Order(order) => {
                let run = |order: &Order| carried(order, claims).0;
                Some(shrink_order(order, effort, run)?.map(Self::Order))
            }
        }
    }

    pub(super) fn run(&self, claims: &[Claim]) -> (Run, Option<Carried>) {
        match self {
            Self::Scenario(scenario) => (Shipped.run_scenario(scenario, claims), None),
            Self::Order(order) => carried(order, claims),
        }
    }
}

fn carried(order: &Order, claims: &[Claim]) -> (Run, Option<Carried>) {
    let CarriedRun { mut run, carried } = carry(order);
    run.violations = verdict(&run.history, claims);
    (run, carried)
}

/// An order is told from a scenario by its actions.
fn read(path: &Path) -> Result<Plan, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the scenario {} cannot be read: {error}", path.display()))?;
    let table = text.parse::<toml::Table>();
    let plan = if table.is_ok_and(|table| table.contains_key("actions")) {
        text.parse().map(Plan::Order).map_err(|error| error.to_string())
    } else {
        text.parse::<Scenario>().map_err(|error| error.to_string()).and_then(|one| {
            match one.servers {
                Servers::Own => {
                    Err("it is of a service of one's own: run the service's test with \
                                 INDOUBT_SCENARIO and this file"
                        .to_owned())
                }
                Servers::Simulated | Servers::Postgres => Ok(Plan::Scenario(Box::new(one))),
            }
        })
    };
    plan.map_err(|error| format!("{}: {error}", path.display()))
}

/// What is claimed beside the invariants: if it is wanted, that the explorer allows what happens.
pub(super) fn claims(follow: bool) -> Result<Vec<Claim>, String> {
    let inclusion = follow.then(Inclusion::new).transpose().map_err(|error| error.to_string())?;
    Ok(inclusion.map(Inclusion::claim).into_iter().collect())
}
