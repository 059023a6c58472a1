//! The committed table: of each bug whether it is caught, by what, and how soon.
//!
//! It is a table of Markdown, to be read by people, and is read back from that.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::hunt::{Catch, Effort};
use super::patch::Patch;

/// Where it is, in the repository.
pub(super) const FILE: &str = "tests/planted/TEETH.md";

const NOT_CAUGHT: &str = "**not caught**";

const HEAD: &str = "\
# What the harness catches

Bugs that others have shipped, each planted as a patch of this code (`tests/planted/patches`; bugs that
one step at a seam makes are in `tests/planted/*.rs`, and `tests/teeth.rs` demands that they are caught).
`cargo sim teeth --write` writes this table, `cargo sim teeth` holds the code to it, and
`cargo test` demands that each bug of it still applies. Runs are those to the first catch, the median of
searches from different seeds on; seconds are those of a search, on one core, in a build that is quick to
make. What breaks at a seed where the code as it ships breaks too does not count.

";

const COLUMNS: [&str; 6] = ["bug", "found by", "what broke", "runs", "seconds", "smallest"];

/// A bug, and how it fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// As [`COLUMNS`] has them, but for the bug itself.
    cells: [String; 5],
    source: String,
}

/// Rows by the bug's name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Table(pub(super) BTreeMap<String, Row>);

/// The table cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum TableError {
    #[error("{path} cannot be read or written: {error}")]
    Io { path: PathBuf, error: std::io::Error },
    #[error("{path}: no line of the table: {line}")]
    Strange { path: PathBuf, line: String },
}

impl Row {
    pub(super) fn of(patch: &Patch, catch: &Catch, effort: Effort) -> Self {
        let way = patch.known.find.text();
        let caught = catch.is_caught();
        let broken = if caught {
            catch.broken.join(", ")
        } else {
            format!("{NOT_CAUGHT}: {}", patch.known.hole.as_deref().unwrap_or("nobody knows why"))
        };
        let runs = median(&catch.runs)
            .map_or_else(|| format!("more than {}", effort.seeds), |runs| runs.to_string());
        let hits = catch.runs.iter().flatten().count();
        let runs = match catch.runs.len() {
            // There is one way through an exploration.
            1 => "-".to_owned(),
            searches if hits < searches => format!("{runs} (caught in {hits} of {searches})"),
            _ => runs,
        };
        let mut seconds = catch.seconds.clone();
        seconds.sort_by(f64::total_cmp);
        let seconds = seconds.get(seconds.len() / 2).map_or(String::new(), |s| format!("{s:.1}"));
        let smallest = catch.smallest.clone().unwrap_or_else(|| "-".to_owned());
        Self { cells: [way, broken, runs, seconds, smallest], source: patch.known.source.clone() }
    }

    pub(super) fn is_caught(&self) -> bool {
        !self.cells[1].starts_with(NOT_CAUGHT)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (column, cell) in COLUMNS[1..].iter().zip(&self.cells) {
            writeln!(f, "  {column:<12}{cell}")?;
        }
        Ok(())
    }
}

/// Of an even number, the later one; a search that found nothing is later than all that did.
fn median(runs: &[Option<u64>]) -> Option<u64> {
    let mut runs = runs.to_vec();
    runs.sort_by_key(|one| one.unwrap_or(u64::MAX));
    runs.get(runs.len() / 2).copied().flatten()
}

impl Table {
    /// The committed one; empty if there is none yet.
    pub(super) fn read(root: &Path) -> Result<Self, TableError> {
        let path = root.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(TableError::Io { path, error }),
        };
        let lines = text.lines().filter(|line| line.starts_with("| `"));
        let row = |line: &str| {
            Self::row(line)
                .ok_or_else(|| TableError::Strange { path: path.clone(), line: line.into() })
        };
        Ok(Self(lines.map(row).collect::<Result<_, _>>()?))
    }

    fn row(line: &str) -> Option<(String, Row)> {
        let cells: Vec<_> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [bug, cells @ ..] = &cells[..] else { return None };
        let (name, source) = bug.strip_prefix('`')?.split_once("` (")?;
        let cells = cells.iter().map(ToString::to_string).collect::<Vec<_>>().try_into().ok()?;
        Some((name.to_owned(), Row { cells, source: source.strip_suffix(')')?.to_owned() }))
    }

    pub(super) fn write(&self, root: &Path) -> Result<(), TableError> {
        let path = root.join(FILE);
        fs::write(&path, format!("{HEAD}{self}")).map_err(|error| TableError::Io { path, error })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {} |", COLUMNS.join(" | "))?;
        writeln!(f, "|{}", "---|".repeat(COLUMNS.len()))?;
        for (name, row) in &self.0 {
            writeln!(f, "| `{name}` ({}) | {} |", row.source, row.cells.join(" | "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_printed_reads_back() {
        let cells = ["fuzz", "agreement", "17", "0.3", "1 fault, 1 transaction"].map(str::to_owned);
        let row = Row { cells, source: "a system #1".to_owned() };
        let table = Table([("a_bug".to_owned(), row)].into());
        let printed = table.to_string();
        let line = printed.lines().last().expect("a row");
        let (name, row) = Table::row(line).expect("it is one");
        assert_eq!(table.0[&name], row);
        assert_eq!(Table::row("| `a_bug` (a system #1) | fuzz |"), None);
    }

    #[test]
    fn a_search_that_found_nothing_is_later_than_all_that_did() {
        assert_eq!(median(&[Some(3), Some(1), Some(2)]), Some(2));
        assert_eq!(median(&[None, Some(1), None]), None);
        assert_eq!(median(&[]), None);
    }
}
