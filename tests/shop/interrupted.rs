//! A decision log that calls out around the force: the moment between prepare and commit.

use std::sync::Arc;

use futures::future::BoxFuture;
use indoubt::{
    Commit, CoordinatorId, DecisionLog, Entry, ForceError, Gid, Lineage, LogError, Origin,
};

/// What happens between the last vote and the commits.
#[derive(Default)]
pub(crate) struct Interruption {
    /// All branches are prepared; nothing is decided. An error is the force's.
    pub(crate) before: Option<Hook<Result<(), ForceError>>>,
    /// The decision is durable; nobody has been told.
    pub(crate) after: Option<Hook<()>>,
}

/// Something to do at such a moment.
pub(crate) type Hook<T> = Box<dyn Fn() -> BoxFuture<'static, T> + Send + Sync>;

/// A log with an interruption.
pub(crate) struct Interrupted<L> {
    log: L,
    interruption: Interruption,
}

impl<L> Interrupted<L> {
    /// The log, with this happening at every force.
    pub(crate) fn new(log: L, interruption: Interruption) -> Self {
        Self { log, interruption }
    }
}

impl<L: DecisionLog> DecisionLog for Interrupted<L> {
    fn coordinator(&self) -> &CoordinatorId {
        self.log.coordinator()
    }

    fn epoch(&self) -> u64 {
        self.log.epoch()
    }

    fn lineage(&self) -> Lineage {
        self.log.lineage()
    }

    fn origin(&self, gid: &Gid) -> Origin {
        self.log.origin(gid)
    }

    async fn force(&self, commit: &Arc<Commit>) -> Result<(), ForceError> {
        if let Some(before) = &self.interruption.before {
            before().await?;
        }
        self.log.force(commit).await?;
        if let Some(after) = &self.interruption.after {
            after().await;
        }
        Ok(())
    }

    async fn forget(&self, gid: &Gid) -> Result<(), LogError> {
        self.log.forget(gid).await
    }

    async fn flush(&self) -> Result<(), LogError> {
        self.log.flush().await
    }

    async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        self.log.read(gid).await
    }

    async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        self.log.unfinished().await
    }
}
