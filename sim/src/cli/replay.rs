//! `replay`: one run, printed.

use std::process::ExitCode;

use clap::Args;
use indoubt_sim::bridge::Carried;
use indoubt_sim::history::{Entry, History, Tx};
use indoubt_sim::invariants::Violation;
use indoubt_sim::world::Run;
use serde::Serialize;

use super::picture::{Instead, Pictures};
use super::plan::{Plan, What, claims};
use super::{Family, Unwritten, VIOLATED, again, print, usage};

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

    /// Run it twice, in fresh processes, and say whether the two are the same; if not, where they
    /// part.
    #[arg(long, conflicts_with_all = ["tx", "json", "columns", "html", "mermaid", "perfetto"])]
    check: bool,

    #[command(flatten)]
    pictures: Pictures,
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
        if self.check {
            return again::check();
        }
        let plan = self.pictures.check(self.json).and_then(|()| self.what.plan(self.family));
        let (plan, claims) = match plan.and_then(|plan| Ok((plan, claims(self.follow)?))) {
            Ok(both) => both,
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
