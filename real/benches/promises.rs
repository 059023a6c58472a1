//! The figures that the project promises, measured: `cargo bench --bench promises`, with
//! `-- --quick` in a few seconds.
//!
//! A real file log in a real directory, tokio on several threads, participants in memory, so that
//! what is measured is the coordinator and its log. Each sync is made to take a given time at
//! least (`--sync-ms`, 5 unless told), and latencies are given in such syncs, so that they mean
//! the same on any machine. Absent: pass or fail; a machine that is busy with something else
//! spoils a figure, and a person sees that.

#[path = "promises/disk.rs"]
mod disk;
#[path = "promises/figures.rs"]
mod figures;
#[path = "promises/memory.rs"]
mod memory;
#[path = "promises/scene.rs"]
mod scene;

use std::time::Duration;

use scene::Scene;

/// What is asked for on the command line.
#[derive(Clone, Copy)]
struct Asked {
    /// How long a sync takes at least.
    sync: Duration,
    /// How long each measurement goes on.
    time: Duration,
}

impl Asked {
    fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut asked = Self { sync: Duration::from_millis(5), time: Duration::from_secs(10) };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => asked.time = Duration::from_secs(2),
                "--sync-ms" => {
                    let value = arguments.next().unwrap_or_default();
                    let millis: u64 = value.parse().map_err(|_| {
                        anyhow::anyhow!("--sync-ms wants a whole number, not {value:?}")
                    })?;
                    anyhow::ensure!(millis > 0, "--sync-ms wants at least 1: it is the unit");
                    asked.sync = Duration::from_millis(millis);
                }
                // What cargo itself passes to a bench.
                "--bench" => {}
                other => {
                    anyhow::bail!("unknown argument {other:?}: there are --quick and --sync-ms N")
                }
            }
        }
        Ok(asked)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let asked = Asked::parse(std::env::args().skip(1))?;
    println!("a sync takes {:?} or more; latencies in syncs of that length", asked.sync);
    println!("{:<34}{:>9}{:>8}{:>8}{:>8}{:>8}", "", "calls", "p50", "p99", "p99.9", "max");
    for clients in [1, 64, 600] {
        let scene = Scene::open(asked).await?;
        scene.commits(clients).await.print(&format!("commit, {clients} clients"), asked.sync);
        scene.close().await?;
    }
    let scene = Scene::open(asked).await?;
    let (status, read) = scene.reads_beside(64).await?;
    status.print("status beside 64 clients", asked.sync);
    read.print("DecisionLog::read beside them", asked.sync);
    scene.close().await?;
    let sweeps = scene::sweeps_until_orphans_are_resolved(asked, 64).await?;
    println!(
        "of {} orphans beside 64 clients the last to be resolved took {sweeps} sweeps",
        scene::ORPHANS
    );
    Ok(())
}
