//! Postgres binaries installed on this machine.

use std::path::{Path, PathBuf};

pub(super) const LOOKED_IN: &str = "on PATH or in /usr/lib/postgresql/*/bin";

/// Where Debian and Ubuntu keep one folder for each major version, none of them on PATH.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The folder that holds the binaries: one on PATH, else the highest version of Debian's.
pub(super) fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|folder| is_complete(folder));
    // Links are followed, so that what is announced tells the version.
    let real = |folder: PathBuf| {
        let target = folder.join("postgres").canonicalize().ok();
        let target = target.and_then(|postgres| Some(postgres.parent()?.to_owned()));
        target.filter(|folder| is_complete(folder)).unwrap_or(folder)
    };
    on_path.map(real).or_else(|| highest_version(Path::new(DEBIAN)))
}

fn highest_version(versions: &Path) -> Option<PathBuf> {
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let folders = std::fs::read_dir(versions).ok()?;
    folders
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_complete(&path.join("bin")))
        .max_by_key(|path| version(path))
        .map(|path| path.join("bin"))
}

fn is_complete(folder: &Path) -> bool {
    folder.is_absolute() && ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file())
}
