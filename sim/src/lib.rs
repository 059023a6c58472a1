//! A deterministic simulation test harness for atomic commit.
//!
//! The shipped coordinator, its shipped file log and simulated participants run on madsim's
//! executor and virtual time, over a network and disks of this crate's own, under faults that
//! one seed decides. A run gives a history; the invariants read it and give the verdict.
//!
//! Real time, real I/O and randomness that no seed decides are absent.

#[cfg(not(madsim))]
compile_error!(
    "indoubt-sim needs `--cfg madsim`: put `rustflags = [\"--cfg\", \"madsim\"]` under [target.'cfg(all())'] in \
     the .cargo/config.toml of your workspace. A RUSTFLAGS variable overrides that file: \
     unset it, or add `--cfg madsim` to it"
);

pub mod bend;
pub mod bridge;
pub mod clock;
pub mod database;
pub mod disk;
pub mod draw;
pub mod edge;
pub mod explore;
pub mod fuzz;
pub mod harness;
pub mod history;
pub mod hosting;
pub mod invariants;
mod journal;
mod lock;
pub mod net;
pub mod parts;
pub mod picture;
pub mod postgres;
pub mod rpc;
pub mod scenario;
pub mod sentry;
pub mod service;
pub mod shrink;
pub mod story;
pub mod time;
pub mod trace;
mod turns;
pub mod workload;
pub mod world;
