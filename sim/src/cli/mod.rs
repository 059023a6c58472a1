//! The command line.
//!
//! Exit codes: 0 when all held (of `shrink`: when it has found the smallest), 1 when an invariant was broken or the output could not be
//! written, 2 when the command itself could not be carried out.

mod again;
mod explore;
mod found;
mod fuzz;
mod output;
mod picture;
mod plan;
mod replay;
mod shrink;
mod sweep;
mod teeth;

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use indoubt_sim::scenario::{Scenario, Servers};
use serde::Deserialize;

use output::print;
pub(crate) use output::{Unwritten, written};

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
    /// Explore every interleaving of the shipped machines, up to a budget of faults.
    Explore(explore::Explore),
    /// Run one seed, or a scenario from a file, and print what happened.
    Replay(replay::Replay),
    /// Find the smallest schedule that breaks the same invariant as a run does.
    Shrink(shrink::Shrink),
    /// Crash every place at every step of one run.
    Sweep(sweep::Sweep),
    /// Plant known bugs in a copy of this repository, and see which are caught.
    Teeth(teeth::Teeth),
}

impl Cli {
    /// # Errors
    /// Standard output could not be written.
    pub(crate) fn run(self) -> Result<ExitCode, Unwritten> {
        match self.command {
            Command::Fuzz(fuzz) => fuzz.run(),
            Command::Explore(explore) => explore.run(),
            Command::Replay(replay) => replay.run(),
            Command::Shrink(shrink) => shrink.run(),
            Command::Sweep(sweep) => sweep.run(),
            Command::Teeth(teeth) => teeth.run(),
        }
    }
}

/// What a seed stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Family {
    /// Everything is drawn from the seed; whole families of faults are off at random.
    Swarm,
    /// Many clients that never pause, one participant sick, a crash: what is waited for must come in
    /// time.
    Traffic,
    /// Large runs: what the swarm draws, with tens of participants and hundreds of transactions.
    Crowd,
    /// The fixed shape for measuring: 3 participants, 20 transactions, 3 crashes, 3 partitions.
    Reference,
}

/// What the participants are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Participants {
    /// Simulated databases.
    Simulated,
    /// Simulated Postgres servers, behind the shipped adapter with the real client in it.
    Postgres,
}

impl Family {
    /// What a seed stands for, with these participants.
    fn scenario(self, seed: u64, participants: Participants) -> Scenario {
        let scenario = match self {
            Self::Swarm => Scenario::from_seed(seed),
            Self::Traffic => Scenario::traffic(seed),
            Self::Crowd => Scenario::crowd(seed),
            Self::Reference => Scenario::reference(seed),
        };
        let servers = match participants {
            Participants::Simulated => Servers::Simulated,
            Participants::Postgres => Servers::Postgres,
        };
        scenario.at(servers)
    }
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| {
        format!("a seed is a whole number from 0 to {}, as `fuzz` prints it", u64::MAX)
    })
}

/// Prints an error that says what to do, and gives the exit code for it.
fn usage(error: impl Display) -> ExitCode {
    output::complain(error);
    ExitCode::from(USAGE)
}
