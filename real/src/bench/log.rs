//! The file-backed log, with the two moments around the force at which a commit can be held.

use std::sync::Arc;

use indoubt::{
    Commit, CoordinatorId, DecisionLog, Entry, ForceError, Gid, Lineage, LogError, Origin,
};

use super::hold::Holds;
use super::moment::Moment;
use crate::log::{Directory, FileLog};

/// The decision log of a coordinator on the bench: a [`FileLog`] that can be stopped before and
/// after a force.
#[derive(Debug)]
pub(super) struct Log {
    file: FileLog<Directory>,
    holds: Holds,
}

impl Log {
    pub(super) fn new(file: FileLog<Directory>, holds: Holds) -> Self {
        Self { file, holds }
    }

    async fn pass(&self, moment: Moment) -> Result<(), ForceError> {
        self.holds.pass(moment).await.map_err(|reason| ForceError::Unknown { reason })
    }
}

impl DecisionLog for Log {
    fn coordinator(&self) -> &CoordinatorId {
        self.file.coordinator()
    }

    fn epoch(&self) -> u64 {
        self.file.epoch()
    }

    fn lineage(&self) -> Lineage {
        self.file.lineage()
    }

    fn origin(&self, gid: &Gid) -> Origin {
        self.file.origin(gid)
    }

    async fn force(&self, commit: &Arc<Commit>) -> Result<(), ForceError> {
        self.pass(Moment::Voted).await?;
        self.file.force(commit).await?;
        self.pass(Moment::Decided).await
    }

    async fn forget(&self, gid: &Gid) -> Result<(), LogError> {
        self.file.forget(gid).await
    }

    fn has_ended(&self, up_to: &Gid) {
        self.file.has_ended(up_to);
    }

    async fn flush(&self) -> Result<(), LogError> {
        self.file.flush().await
    }

    async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        self.file.read(gid).await
    }

    async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        self.file.unfinished().await
    }
}
