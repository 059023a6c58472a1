//! The command line.
//!
//! Exit codes: 0 when all held, 1 when an invariant was broken, 2 when the command itself
//! could not be carried out.

mod fuzz;
mod replay;

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An invariant was broken.
const VIOLATED: u8 = 1;
/// The command could not be carried out; clap uses the same.
const USAGE: u8 = 2;

/// Deterministic simulation of atomic commit: the shipped coordinator under seeded faults.
#[derive(Debug, Parser)]
#[command(version, bin_name = "cargo sim", propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run many seeds and check every invariant on each.
    Fuzz(fuzz::Fuzz),
    /// Run one seed, or a scenario from a file, and print what happened.
    Replay(replay::Replay),
}

impl Cli {
    pub(crate) fn run(self) -> ExitCode {
        match self.command {
            Command::Fuzz(fuzz) => fuzz.run(),
            Command::Replay(replay) => replay.run(),
        }
    }
}

/// Prints an error that says what to do, and gives the exit code for it.
fn usage(error: impl Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(USAGE)
}

/// Writes to standard output; a reader that has gone away, as `head` does, is no error.
fn print(text: impl Display) {
    use std::io::Write;
    let _gone = writeln!(std::io::stdout().lock(), "{text}");
}
