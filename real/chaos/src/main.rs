//! `indoubt-chaos`: faults on real servers, judged by the simulator's invariants.

use std::process::ExitCode;

fn main() -> ExitCode {
    indoubt_chaos::cli::main()
}
