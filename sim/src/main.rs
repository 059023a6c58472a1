//! `indoubt-sim`: fuzz the protocol, replay a seed.

mod cli;

use std::process::ExitCode;

use clap::Parser;

/// A run is many small allocations, freed on the thread that made them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let ran = match cli::Cli::try_parse() {
        Ok(cli) => cli.run(),
        // Help and the version are asked for, and go to standard output.
        Err(asked) if !asked.use_stderr() => {
            cli::written(asked.print()).map(|()| ExitCode::SUCCESS)
        }
        Err(refused) => refused.exit(),
    };
    ran.unwrap_or_else(|unwritten| unwritten.report())
}
