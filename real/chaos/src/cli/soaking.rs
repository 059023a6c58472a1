//! `cargo chaos soak`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args as Arguments;

use super::output;
use crate::arena::Program;
use crate::judge;
use crate::soak::Soak;
use crate::sweep::folder;

/// How to soak.
#[derive(Debug, Arguments)]
pub(super) struct Args {
    /// How long faults come, in minutes.
    #[arg(long, default_value_t = 15.0)]
    minutes: f64,

    /// How many databases there are, each on a server of its own.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=8))]
    databases: u8,

    /// What draws the faults. The seed is printed in any case.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// What lies between two faults of one database, at the most, in milliseconds; between two kills of
    /// the coordinator it is twice that. With three databases the default makes about 40 kills a minute.
    #[arg(long, default_value_t = 2_500)]
    pause_ms: u64,

    /// How many clients work at once.
    #[arg(long, default_value_t = 8)]
    clients: u16,

    /// Ask the explorer, too, whether it allows what happens.
    #[arg(long)]
    follow: bool,

    /// Where the history goes: a JSON line for each entry.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
}

impl Args {
    pub(super) async fn run(self) -> Result<bool> {
        let lasts = Duration::try_from_secs_f64(self.minutes * 60.0)?;
        let soak = Soak {
            program: Program::serving(std::env::current_exe()?),
            databases: self.databases,
            lasts,
            seed: self.seed,
            pause: Duration::from_millis(self.pause_ms),
            clients: self.clients,
            follow: self.follow,
        };
        println!("seed {}, {} databases, {:.0} s", soak.seed, soak.databases, lasts.as_secs_f64());
        let bar = output::bar(lasts.as_secs(), "s");
        let soaked = soak.run(&bar).await?;
        bar.finish_and_clear();
        let name = format!("chaos-soak-{}-{}.jsonl", self.databases, self.seed);
        let file = self.history.unwrap_or_else(|| folder().join(name));
        judge::write(&soaked.history, &file)?;
        output::reached(&soaked.tally);
        let (kills, minutes) = (soaked.scores.kills(), soaked.took.as_secs_f64() / 60.0);
        #[expect(clippy::cast_precision_loss, reason = "no run has so many kills")]
        let rate = kills as f64 / minutes;
        println!("{kills} kills, {rate:.0} a minute; {}", soaked.scores);
        for blow in soaked.scores.never() {
            println!("NOT ASKED: {} never struck", blow.name());
        }
        output::violations(&soaked.violations);
        println!("the history is in {}: judge it again with", file.display());
        println!("  cargo chaos judge {}", file.display());
        if soaked.violations.is_empty() {
            println!("every invariant held");
        }
        Ok(soaked.violations.is_empty())
    }
}
