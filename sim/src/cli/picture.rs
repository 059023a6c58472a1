//! Pictures of a run, into files.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use indoubt_sim::history::Tx;
use indoubt_sim::picture::Picture;
use indoubt_sim::picture::columns::Columns;
use indoubt_sim::picture::mermaid::diagram;
use indoubt_sim::picture::page::page;
use indoubt_sim::picture::perfetto::trace;
use indoubt_sim::world::Run;

use super::{Unwritten, print};

/// What a diagram is written to if it is to be printed.
const PRINTED: &str = "-";

/// Which pictures are wanted.
#[derive(Debug, Args)]
pub(super) struct Pictures {
    /// Print columns, one for each node, instead of the listing.
    #[arg(long, conflicts_with = "json")]
    columns: bool,

    /// Write a page for a browser: a sequence diagram with zoom, filters and details. It loads
    /// nothing from elsewhere.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Write a Mermaid sequenceDiagram, or print it instead of the listing if FILE is -.
    #[arg(long, value_name = "FILE")]
    mermaid: Option<PathBuf>,

    /// Write a trace for the Perfetto viewer, <https://ui.perfetto.dev>.
    #[arg(long, value_name = "FILE")]
    perfetto: Option<PathBuf>,
}

/// What has been drawn.
pub(super) struct Drawn {
    /// What is printed instead of the listing.
    pub(super) instead: Option<Instead>,
    /// The files.
    written: Vec<(&'static str, PathBuf)>,
}

/// What takes the place of the listing.
pub(super) enum Instead {
    /// It alone is printed, so that it can be piped.
    Alone(String),
    /// The rest is printed as well.
    Listing(String),
}

impl Pictures {
    fn wanted(&self) -> bool {
        self.columns || self.html.is_some() || self.mermaid.is_some() || self.perfetto.is_some()
    }

    fn prints_diagram(&self) -> bool {
        self.mermaid.as_deref() == Some(Path::new(PRINTED))
    }

    /// What cannot be wanted together.
    pub(super) fn check(&self, json: bool) -> Result<(), String> {
        if self.prints_diagram() && (json || self.columns) {
            return Err(
                "--mermaid - takes the place of the listing: pass a file, or drop --json and \
                        --columns"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Draws what is wanted.
    pub(super) fn draw(
        &self,
        title: &str,
        scenario: &str,
        run: &Run,
        tx: Option<Tx>,
    ) -> Result<Drawn, String> {
        let mut drawn = Drawn { instead: None, written: Vec::new() };
        if !self.wanted() {
            return Ok(drawn);
        }
        let whole = Picture::of(title, scenario, &run.history, &run.violations);
        let picture = tx.map_or_else(|| whole.clone(), |tx| whole.only(tx, &run.history));
        if self.columns {
            drawn.instead = Some(Instead::Listing(Columns(&picture).to_string()));
        }
        if let Some(file) = &self.html {
            drawn.write("page", file, &page(&picture))?;
        }
        if let Some(file) = &self.mermaid {
            let diagram = diagram(&picture).map_err(|error| error.to_string())?;
            if self.prints_diagram() {
                drawn.instead = Some(Instead::Alone(diagram));
            } else {
                drawn.write("diagram", file, &diagram)?;
            }
        }
        if let Some(file) = &self.perfetto {
            drawn.write("trace", file, &trace(&picture).to_string())?;
        }
        Ok(drawn)
    }
}

impl Drawn {
    fn write(&mut self, what: &'static str, file: &Path, text: &str) -> Result<(), String> {
        write(what, file, text)?;
        self.written.push((what, file.to_owned()));
        Ok(())
    }

    /// Says where everything is.
    pub(super) fn tell(&self) -> Result<(), Unwritten> {
        for (what, file) in &self.written {
            print(format_args!("the {what} is in {}", file.display()))?;
        }
        Ok(())
    }
}

fn write(what: &str, file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text)
        .map_err(|error| format!("the {what} {} cannot be written: {error}", file.display()))
}

/// The page of a run, written.
pub(super) fn write_page(
    title: &str,
    scenario: &str,
    run: &Run,
    file: &Path,
) -> Result<(), String> {
    write("page", file, &page(&Picture::of(title, scenario, &run.history, &run.violations)))
}
