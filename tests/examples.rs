//! The examples, run as a reader runs them, so that they cannot rot.
//!
//! `cargo test` builds them. To run this alone, build them first: `cargo build --examples`.

#[path = "examples/service.rs"]
mod service;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Where cargo has put an example, which must be of the source that is here.
pub(crate) fn example(name: &str) -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let built = here.ancestors().nth(2).context("where tests are built")?;
    let built = built.join("examples").join(name);
    let source =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(format!("{name}.rs"));
    let age = |path: &PathBuf| path.metadata().and_then(|found| found.modified());
    let fresh = age(&built).is_ok_and(|built| age(&source).is_ok_and(|source| source <= built));
    ensure!(fresh, "the example {name} is not built, or of old: cargo build --examples");
    Ok(built)
}

/// Runs an example to its end; it must succeed, and say this.
fn says(name: &str, expected: &str) -> Result<()> {
    let run = Command::new(example(name)?).output()?;
    let (said, complained) =
        (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    ensure!(run.status.success() && said.contains(expected), "{name}: {said}\n{complained}");
    Ok(())
}

#[test]
fn a_first_transaction() -> Result<()> {
    says("first_transaction", "1 order, 0 lamps left, [0, 0] branches in doubt")
}

#[test]
fn two_kinds_of_participants() -> Result<()> {
    says("two_kinds", "1 sale, entered as [\"one lamp sold\"]")
}

#[test]
fn a_service_on_the_bench() -> Result<()> {
    says("service_on_the_bench", "after a crash at Decided the balances are [70, 130]")
}

#[test]
fn two_plain_commits_are_caught_and_one_transaction_holds() -> Result<()> {
    says("two_plain_commits", "one transaction holds where two commits did not")
}

#[test]
fn a_flawed_participant_is_caught() -> Result<()> {
    says("flawed_participant", "replay it with")
}

#[test]
fn a_log_of_ones_own_that_lacks_a_fence_is_caught() -> Result<()> {
    says("log_of_ones_own", "replay it with")
}
