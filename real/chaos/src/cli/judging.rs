//! `cargo chaos judge`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args as Arguments;
use indoubt_sim::history::Tx;
use indoubt_sim::picture::Picture;
use indoubt_sim::picture::page::page;

use super::output;
use crate::judge::{self, Judged};

/// How to judge.
#[derive(Debug, Arguments)]
pub(super) struct Args {
    /// A history, as `soak` and `sweep` leave it.
    file: PathBuf,

    /// Ask the explorer, too, whether it allows what happened.
    #[arg(long)]
    follow: bool,

    /// Print what concerns one transaction, such as 1:3.
    #[arg(long)]
    tx: Option<Tx>,

    /// Draw it as a page for a browser; with --tx, what concerns that transaction.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self) -> Result<bool> {
        let seen = judge::read(&self.file)?;
        let Judged { history, tally, violations } = judge::judge(&seen, self.follow)?;
        let shown = self.tx.map(|tx| history.of(tx));
        if let Some(shown) = &shown {
            shown.entries().iter().for_each(|entry| println!("{entry}"));
        }
        if let Some(file) = &self.html {
            let title = self.file.display().to_string();
            let shown = shown.as_ref().unwrap_or(&history);
            let picture = Picture::of(&title, "a run on real servers", shown, &violations);
            std::fs::write(file, page(&picture))
                .with_context(|| format!("cannot write {}", file.display()))?;
            println!("the page is in {}", file.display());
        }
        output::reached(&tally);
        output::violations(&violations);
        if violations.is_empty() {
            println!("every invariant held");
        }
        Ok(violations.is_empty())
    }
}
