//! A copy of the repository, in which a bug is planted and built.
//!
//! It has a build directory of its own, and a file that is as it was is not written again: so a bug
//! costs what is built of what it changes.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use super::patch::{Patch, PatchError};

/// What a bug is built with: see the workspace's manifest.
const PROFILE: &str = "teeth";

/// A copy of the repository.
#[derive(Debug)]
pub(super) struct Copy {
    root: PathBuf,
    tree: PathBuf,
    build: PathBuf,
}

/// A bug could not be planted.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    #[error("the repository cannot be copied to {path}: {error}")]
    Copy { path: PathBuf, error: io::Error },
    #[error("the files of the repository cannot be listed, which takes git and a checkout: {0}")]
    Unlisted(String),
    #[error(transparent)]
    Patch(#[from] PatchError),
    #[error("{program} cannot be run: {error}")]
    Unrun { program: String, error: io::Error },
    #[error("{name} does not build:\n{complaint}")]
    Unbuilt { name: String, complaint: String },
}

impl Copy {
    /// Of the repository at this root, in its build directory.
    pub(super) fn new(root: &Path) -> Self {
        let folder = root.join("target/teeth");
        Self { root: root.to_owned(), tree: folder.join("copy"), build: folder.join("build") }
    }

    /// A place for files that are nobody's.
    pub(super) fn scratch(&self, name: &str) -> PathBuf {
        self.build.join(name)
    }

    /// Makes it what the repository is now, with this bug in it.
    pub(super) fn plant(&self, patch: &Patch) -> Result<(), CopyError> {
        let failed = |error| CopyError::Copy { path: self.tree.clone(), error };
        let files = listed(&self.root, &["--cached", "--others", "--exclude-standard"])?;
        fs::create_dir_all(&self.build).map_err(failed)?;
        fs::create_dir_all(&self.tree).map_err(failed)?;
        for file in &files {
            self.bring(file).map_err(failed)?;
        }
        remove_others(&self.tree, &self.tree, &files).map_err(failed)?;
        Ok(patch.apply(&self.tree, false)?)
    }

    /// Copies a file, unless it is the same already.
    fn bring(&self, file: &Path) -> io::Result<()> {
        let (from, to) = (self.root.join(file), self.tree.join(file));
        let content = match fs::read(&from) {
            // Deleted, and git has not been told yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return gone(&to),
            content => content?,
        };
        if fs::read(&to).is_ok_and(|there| there == content) {
            return Ok(());
        }
        fs::create_dir_all(to.parent().unwrap_or(&self.tree))?;
        fs::write(to, content)
    }

    /// Builds the simulator in it, and says where it is.
    pub(super) fn build(&self, patch: &Patch, jobs: u16) -> Result<PathBuf, CopyError> {
        let (which, jobs) =
            (["--package", "indoubt-sim", "--bin", "indoubt-sim"], jobs.to_string());
        let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut command = Command::new(&cargo);
        command.args(["build", "--quiet", "--profile", PROFILE, "--jobs", &jobs]).args(which);
        command.env("CARGO_TARGET_DIR", &self.build).current_dir(&self.tree);
        let built = command.output().map_err(|error| CopyError::Unrun { program: cargo, error })?;
        if !built.status.success() {
            let complaint = String::from_utf8_lossy(&built.stderr).into_owned();
            return Err(CopyError::Unbuilt { name: patch.name.clone(), complaint });
        }
        Ok(self.build.join(PROFILE).join(format!("indoubt-sim{}", env::consts::EXE_SUFFIX)))
    }
}

/// The files that git lists there.
fn listed(root: &Path, which: &[&str]) -> Result<BTreeSet<PathBuf>, CopyError> {
    let output =
        Command::new("git").current_dir(root).args(["ls-files", "-z"]).args(which).output();
    let output = output.map_err(|error| CopyError::Unlisted(error.to_string()))?;
    if !output.status.success() {
        return Err(CopyError::Unlisted(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(names.split_terminator('\0').map(PathBuf::from).collect())
}

/// Removes what is not listed, as a bug that was planted before may have left it.
fn remove_others(tree: &Path, folder: &Path, files: &BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(tree, &path, files)?;
        } else if path.strip_prefix(tree).is_ok_and(|name| !files.contains(name)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn gone(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
