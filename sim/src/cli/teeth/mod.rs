//! `teeth`: bugs that others have shipped, planted in a copy of this repository one after the other.
//!
//! What it costs to find each of them is the harness's measure, and what is not found is a hole in it.
//! The committed table says what was found before; what no longer is, and a patch that no longer
//! applies, is a failure.

mod copy;
mod hunt;
mod patch;
mod table;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::output::note;
use super::{Unwritten, VIOLATED, print, usage};
use copy::{Copy, CopyError};
use hunt::{Catch, Effort, HuntError, hunt};
use patch::{FOLDER, Patch};
use table::{Row, Table};

/// Plant known bugs in a copy of this repository, one after the other, and see which are caught.
///
/// Exit code 1 if one is not that the committed table calls caught, or one does not apply or build.
#[derive(Debug, Args)]
pub(super) struct Teeth {
    /// Which of them: files of `tests/planted/patches` without their ending; by default all.
    names: Vec<String>,

    /// How many searches for each, from different seeds on.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    bases: u64,

    /// How many seeds each search tries.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seeds: u64,

    /// How many threads to search and to build with. With several, a search may report another seed
    /// than the first.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,

    /// Write what was found into the committed table.
    #[arg(long)]
    write: bool,

    /// Print a line of JSON for each, for machines.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Json<'a> {
    name: &'a str,
    source: &'a str,
    found_by: String,
    caught: bool,
    broken: &'a [String],
    /// To the first catch, of each search.
    runs: &'a [Option<u64>],
    seconds: &'a [f64],
    smallest: Option<&'a str>,
}

impl Teeth {
    pub(super) fn run(self) -> Result<ExitCode, Unwritten> {
        let Some(root) = root() else {
            return Ok(usage(format!("there is no {FOLDER} here: run it in the repository")));
        };
        let (patches, committed) = match (Patch::all(&root), Table::read(&root)) {
            (Ok(patches), Ok(table)) => (patches, table),
            (Err(error), _) => return Ok(usage(error)),
            (_, Err(error)) => return Ok(usage(error)),
        };
        let is_known = |name: &&String| patches.iter().any(|patch| patch.name == **name);
        if let Some(strange) = self.names.iter().find(|name| !is_known(name)) {
            return Ok(usage(format!("there is no {strange}.patch in {FOLDER}")));
        }
        let is_asked = |patch: &&Patch| self.names.is_empty() || self.names.contains(&patch.name);
        self.hunt(&root, patches.iter().filter(is_asked), committed)
    }

    fn hunt<'a>(
        &self,
        root: &Path,
        patches: impl Iterator<Item = &'a Patch>,
        committed: Table,
    ) -> Result<ExitCode, Unwritten> {
        let (copy, mut table, mut worse) = (Copy::new(root), committed, Vec::new());
        for patch in patches {
            let caught_before = table.0.get(&patch.name).is_some_and(Row::is_caught);
            match self.one(&copy, patch) {
                Ok(catch) => {
                    self.tell(patch, &catch)?;
                    if caught_before && !catch.is_caught() {
                        worse.push(format!("{} was caught before, and is not now", patch.name));
                    }
                    table.0.insert(patch.name.clone(), Row::of(patch, &catch, self.effort()));
                }
                // The others are looked for all the same.
                Err(HuntError::Copy(error @ (CopyError::Patch(_) | CopyError::Unbuilt { .. }))) => {
                    worse.push(error.to_string());
                }
                Err(error) => return Ok(usage(error)),
            }
            if self.write
                && let Err(error) = table.write(root)
            {
                return Ok(usage(error));
            }
        }
        for complaint in &worse {
            note(format_args!("error: {complaint}"));
        }
        Ok(if worse.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(VIOLATED) })
    }

    const fn effort(&self) -> Effort {
        Effort { bases: self.bases, seeds: self.seeds, jobs: self.jobs }
    }

    fn one(&self, copy: &Copy, patch: &Patch) -> Result<Catch, HuntError> {
        copy.plant(patch)?;
        hunt(copy, patch, self.effort())
    }

    fn tell(&self, patch: &Patch, catch: &Catch) -> Result<(), Unwritten> {
        if self.json {
            let json = Json {
                name: &patch.name,
                source: &patch.known.source,
                found_by: patch.known.find.text(),
                caught: catch.is_caught(),
                broken: &catch.broken,
                runs: &catch.runs,
                seconds: &catch.seconds,
                smallest: catch.smallest.as_deref(),
            };
            // Plain structs with string keys: this cannot fail.
            return print(serde_json::to_string(&json).unwrap_or_default());
        }
        print(format_args!("{} ({}): {}", patch.name, patch.known.source, patch.known.broken))?;
        print(Row::of(patch, catch, self.effort()))
    }
}

/// The repository that this is run in.
fn root() -> Option<PathBuf> {
    let here = env::current_dir().ok()?;
    here.ancestors().find(|folder| folder.join(FOLDER).is_dir()).map(Path::to_owned)
}

#[cfg(test)]
mod tests;
