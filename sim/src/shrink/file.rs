//! Where what was found is kept: as a file beside what cargo builds.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use super::Shrunk;

/// Cargo leaves this in a folder that it builds into.
const MARK: &str = "CACHEDIR.TAG";

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be written: {error}")]
pub struct Unkept {
    path: String,
    error: io::Error,
}

/// Writes it to a file of its own, `indoubt` in cargo's target folder, and says where. The same
/// finding has the same name: `4711-agreement-1f2e3d4c.toml`, the last from its trace.
///
/// # Errors
/// The file cannot be written.
pub fn keep<T: Display>(shrunk: &Shrunk<T>, seed: u64) -> Result<PathBuf, Unkept> {
    let (name, trace) = (shrunk.violation.invariant.name(), shrunk.run.hash >> 32);
    let folder = folder();
    let path = folder.join(format!("{seed}-{name}-{trace:08x}.toml"));
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, shrunk.to_string()));
    match written {
        Ok(()) => Ok(path),
        Err(error) => Err(Unkept { path: path.display().to_string(), error }),
    }
}

/// Beside what cargo has built, this program among it; else where temporary files are.
fn folder() -> PathBuf {
    let exe = env::current_exe().unwrap_or_default();
    let built = exe.ancestors().find(|folder| folder.join(MARK).is_file());
    built.map_or_else(env::temp_dir, Path::to_owned).join("indoubt")
}
