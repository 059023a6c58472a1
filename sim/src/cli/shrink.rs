//! `shrink`: the smallest schedule that still breaks the same.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indoubt_sim::invariants::Claim;
use indoubt_sim::shrink::{Shrunk, keep};

use super::output::note;
use super::plan::{Plan, What, claims};
use super::{Family, Unwritten, print, usage};

/// Find the smallest schedule, workload and cluster that break the same invariant as this run does.
///
/// What is found is a file for `replay --scenario`, or for `tests/regressions`.
#[derive(Debug, Args)]
pub(super) struct Shrink {
    #[command(flatten)]
    what: What,

    /// What the seed stands for.
    #[arg(long, value_enum, default_value_t = Family::Swarm)]
    family: Family,

    /// Also ask whether the explorer allows what happens.
    #[arg(long)]
    follow: bool,

    /// Write it to this file instead of printing it.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Shrink {
    pub(super) fn run(self) -> Result<ExitCode, Unwritten> {
        let plan = self.what.plan(self.family);
        let (plan, claims) = match plan.and_then(|plan| Ok((plan, claims(self.follow)?))) {
            Ok(both) => both,
            Err(error) => return Ok(usage(error)),
        };
        let Some(shrunk) = plan.shrink(&claims) else {
            return Ok(usage("the run keeps every invariant: there is nothing to shrink"));
        };
        note(shrunk.summary());
        match &self.output {
            None => print(shrunk.to_string().trim_end())?,
            Some(path) => match std::fs::write(path, shrunk.to_string()) {
                Ok(()) => print(format_args!("replay it with\n  {}", line(path, self.follow)))?,
                Err(error) => {
                    return Ok(usage(format!("{} cannot be written: {error}", path.display())));
                }
            },
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Shrinks what has just been found, prints it, and leaves it as a file.
pub(super) fn at_once(plan: &Plan, claims: &[Claim], follow: bool) -> Result<(), Unwritten> {
    let Some(shrunk) = plan.shrink(claims) else {
        return print("run again it keeps every invariant: something in it is not of the seed");
    };
    tell(&shrunk, plan.seed(), follow)
}

fn tell(shrunk: &Shrunk<Plan>, seed: u64, follow: bool) -> Result<(), Unwritten> {
    print(format_args!("{}:\n\n{shrunk}", shrunk.summary()))?;
    match keep(shrunk, seed) {
        Ok(path) => print(format_args!("replay that with\n  {}", line(&path, follow))),
        Err(unkept) => print(format_args!(
            "{unkept}; save it as a file, and replay it with\n  {}",
            line("FILE".as_ref(), follow)
        )),
    }
}

fn line(path: &std::path::Path, follow: bool) -> String {
    let follow = if follow { " --follow" } else { "" };
    format!("cargo sim replay --scenario {}{follow}", path.display())
}
