//! A participant that says yes at once, and remembers what is prepared.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use indoubt::{
    BeginError, BranchGid, CoordinatorId, Decision, Ending, Lost, OnePhase, OnePhaseVote,
    Participant, Receipt, Vote,
};

/// Clones are the same database.
#[derive(Clone)]
pub(crate) struct Memory {
    name: &'static str,
    prepared: Arc<Mutex<BTreeSet<BranchGid>>>,
}

impl Memory {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, prepared: Arc::default() }
    }

    /// Leaves a prepared branch behind, as a crash does.
    pub(crate) fn leave(&self, branch: BranchGid) {
        self.prepared.lock().unwrap().insert(branch);
    }

    pub(crate) fn holds(&self, branch: &BranchGid) -> bool {
        self.prepared.lock().unwrap().contains(branch)
    }

    fn end(&self, branch: &BranchGid) -> Ending {
        if self.prepared.lock().unwrap().remove(branch) {
            Ending::AsDecided
        } else {
            Ending::Earlier
        }
    }
}

impl Participant for Memory {
    type Branch = BranchGid;

    fn name(&self) -> &str {
        self.name
    }

    async fn begin(&self, gid: &BranchGid) -> Result<BranchGid, BeginError> {
        Ok(gid.clone())
    }

    async fn prepare(&self, branch: &BranchGid) -> Result<Vote, Lost> {
        self.leave(branch.clone());
        Ok(Vote::Yes(Receipt::none()))
    }

    async fn commit_one_phase(&self, _: &BranchGid) -> Result<OnePhaseVote, Lost> {
        Ok(OnePhaseVote::Committed)
    }

    async fn inquire(&self, _: &BranchGid) -> Result<OnePhase, Lost> {
        Ok(OnePhase::Committed)
    }

    async fn finish(&self, branch: &BranchGid, _: Decision) -> Result<Ending, Lost> {
        Ok(self.end(branch))
    }

    async fn resolve(&self, gid: &BranchGid, _: Decision, _: &Receipt) -> Result<Ending, Lost> {
        Ok(self.end(gid))
    }

    async fn in_doubt(&self, _: &CoordinatorId) -> Result<Vec<BranchGid>, Lost> {
        Ok(self.prepared.lock().unwrap().iter().cloned().collect())
    }
}
