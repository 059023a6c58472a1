//! `indoubt-sim`: fuzz the protocol, replay a seed.

mod cli;

use std::process::ExitCode;

use clap::Parser;

/// A run is many small allocations, freed on the thread that made them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::Cli::parse().run()
}
