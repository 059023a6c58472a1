//! Histories in files, as they were seen: a JSON line for each entry, as `cargo sim replay --json` prints
//! them. What they imply is left to whoever judges them.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use indoubt_sim::history::{Entry, History};

/// Writes a history, with the folders that lead to the file.
///
/// # Errors
/// The file cannot be written.
pub fn write(history: &History, file: &Path) -> Result<()> {
    let write = || {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut out = BufWriter::new(File::create(file)?);
        for entry in history.entries() {
            serde_json::to_writer(&mut out, entry)?;
            out.write_all(b"\n")?;
        }
        out.flush()
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

/// Reads one.
///
/// # Errors
/// The file cannot be read, or a line is no entry of a history.
pub fn read(file: &Path) -> Result<History> {
    let lines = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let entry = |(number, line): (usize, std::io::Result<String>)| {
        serde_json::from_str::<Entry>(&line?)
            .with_context(|| format!("{}, line {number}: no entry of a history", file.display()))
    };
    (1..).zip(BufReader::new(lines).lines()).map(entry).collect()
}
