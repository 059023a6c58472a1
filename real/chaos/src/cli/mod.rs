//! The command line.
//!
//! Exit codes: 0 when all held, 1 when an invariant was broken, 2 when the command could not be carried
//! out.

mod judging;
mod output;
mod soaking;
mod sweeping;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use crate::serve::{Shipped, serve};

/// An invariant was broken.
const VIOLATED: u8 = 1;
/// The command could not be carried out; clap uses the same.
const USAGE: u8 = 2;

/// Faults on real Postgres servers: kills, cuts at every message, and a verdict by the simulator's
/// invariants.
#[derive(Debug, Parser)]
#[command(version, bin_name = "cargo chaos", propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Strike every message of a transaction, one after the other.
    Sweep(sweeping::Args),
    /// Draw faults, while clients never pause.
    Soak(soaking::Args),
    /// Judge a history from a file again.
    Judge(judging::Args),
    /// The coordinator's process, which the others start and kill.
    #[command(hide = true)]
    Serve,
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(VIOLATED),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(USAGE)
        }
    }
}

/// Whether all held.
fn run(command: Command) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("cannot start a runtime")?;
    match command {
        Command::Sweep(args) => runtime.block_on(args.run()),
        Command::Soak(args) => runtime.block_on(args.run()),
        Command::Judge(args) => args.run(),
        Command::Serve => runtime.block_on(serve(Shipped)).map(|()| true),
    }
}
