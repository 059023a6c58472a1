//! A folder for the decisions, for as long as the arena stands.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::time::Beginning;

/// Removed with all that is in it when dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn create() -> Result<Self> {
        // No other process has this id, and this one creates no two at the same nanosecond.
        let (process, when) = (std::process::id(), serde_json::to_string(&Beginning::now())?);
        let path = std::env::temp_dir().join(format!("indoubt-chaos-{process}-{when}"));
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is where temporary files are; if it stays, nothing is lost.
        let _left = std::fs::remove_dir_all(&self.0);
    }
}
