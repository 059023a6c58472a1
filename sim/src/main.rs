//! `indoubt-sim`: fuzz the protocol, replay a seed.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::Cli::parse().run()
}
