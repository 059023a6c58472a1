//! A decision log, some steps of which are bent.

use std::sync::Arc;

use indoubt::{
    Commit, CoordinatorId, DecisionLog, Entry, ForceError, Gid, Lineage, LogError, Origin,
};

use super::Bend;

/// A log, bent.
pub struct BentLog<B, L> {
    log: Arc<L>,
    bend: Arc<B>,
}

impl<B, L> BentLog<B, L> {
    /// This log, bent like this.
    pub const fn new(log: Arc<L>, bend: Arc<B>) -> Self {
        Self { log, bend }
    }
}

impl<B: Bend, L: DecisionLog> DecisionLog for BentLog<B, L> {
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
        self.bend.origin(&*self.log, gid)
    }

    fn has_ended(&self, up_to: &Gid) {
        self.log.has_ended(up_to);
    }

    fn force(&self, commit: &Arc<Commit>) -> impl Future<Output = Result<(), ForceError>> + Send {
        self.bend.force(&self.log, commit)
    }

    fn forget(&self, gid: &Gid) -> impl Future<Output = Result<(), LogError>> + Send {
        self.bend.forget(&*self.log, gid)
    }

    fn flush(&self) -> impl Future<Output = Result<(), LogError>> + Send {
        self.log.flush()
    }

    fn read(&self, gid: &Gid) -> impl Future<Output = Result<Entry, LogError>> + Send {
        self.bend.read(&*self.log, gid)
    }

    fn unfinished(&self) -> impl Future<Output = Result<Vec<Arc<Commit>>, LogError>> + Send {
        self.bend.unfinished(&*self.log)
    }
}
