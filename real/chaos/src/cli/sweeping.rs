//! `cargo chaos sweep`.

use anyhow::Result;
use clap::Args as Arguments;

use super::output;
use crate::arena::Program;
use crate::sweep::{self, Point, Sweep};

/// How to sweep.
#[derive(Debug, Arguments)]
pub(super) struct Args {
    /// How many databases there are, each on a server of its own.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=3))]
    databases: u8,

    /// Go to one point only, such as 17:cut-after.
    #[arg(long, value_name = "POINT")]
    only: Option<Point>,

    /// Go to every so many-th point only.
    #[arg(long, value_name = "N", default_value_t = 1)]
    every: usize,

    /// Print what every message is.
    #[arg(long)]
    list: bool,

    /// Ask the explorer, too, whether it allows what happens.
    #[arg(long)]
    follow: bool,
}

impl Args {
    pub(super) async fn run(self) -> Result<bool> {
        let sweep = Sweep {
            program: Program::serving(std::env::current_exe()?),
            databases: self.databases,
            only: self.only,
            every: self.every,
            follow: self.follow,
            folder: sweep::folder().to_owned(),
        };
        let bar = output::bar(0, "points");
        let swept = sweep.run(&bar).await?;
        bar.finish_and_clear();
        if self.list {
            for (nth, (p, passed)) in swept.messages.iter().enumerate() {
                println!("{nth:>4} participant-{p} {:?} {:?}", passed.way, passed.about);
            }
        }
        println!(
            "{} messages, {} points, {} ran, in {:.1} s",
            swept.messages.len(),
            swept.points,
            swept.ran,
            swept.took.as_secs_f64()
        );
        output::reached(&swept.tally);
        if !swept.missed.is_empty() {
            let missed: Vec<_> = swept.missed.iter().map(ToString::to_string).collect();
            println!(
                "NOT ASKED: the message never came at {} points: {}",
                missed.len(),
                missed.join(" ")
            );
        }
        for (point, violations, file) in &swept.broken {
            println!("at {point}, {}:", swept.about(*point));
            output::violations(violations);
            println!("  the history is in {}", file.display());
            println!("  go there again with: {}", sweep.again(*point));
        }
        if !swept.in_peace.is_empty() {
            println!("without any fault:");
            output::violations(&swept.in_peace);
        }
        if swept.holds() {
            println!("every invariant held");
        }
        Ok(swept.holds())
    }
}
