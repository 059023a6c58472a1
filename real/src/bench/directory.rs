//! A directory of one's own, for as long as it is held.

use std::path::{Path, PathBuf};

use super::error::BenchError;
use crate::containers::token;

/// Removed with all that is in it when dropped.
#[derive(Debug)]
pub(super) struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    pub(super) fn create() -> Result<Self, BenchError> {
        let path = std::env::temp_dir().join(format!("indoubt-bench-{}", token()));
        match std::fs::create_dir(&path) {
            Ok(()) => Ok(Self(path)),
            Err(why) => Err(BenchError::Directory { path, why }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        // It is where temporary files are; if it stays, nothing is lost.
        let _left = std::fs::remove_dir_all(&self.0);
    }
}
