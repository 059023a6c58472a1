//! A participant, some steps of which are bent.

use std::sync::Arc;

use indoubt::{
    BeginError, BranchGid, CoordinatorId, Decision, Ending, Lost, OnePhase, OnePhaseVote,
    Participant, Receipt, Vote,
};

use super::Bend;

/// A participant, bent.
pub struct BentParticipant<B, P> {
    participant: P,
    bend: Arc<B>,
}

impl<B, P> BentParticipant<B, P> {
    /// This participant, bent like this.
    pub const fn new(participant: P, bend: Arc<B>) -> Self {
        Self { participant, bend }
    }
}

// Derived, it would ask the same of the bend.
impl<B, P: Clone> Clone for BentParticipant<B, P> {
    fn clone(&self) -> Self {
        Self { participant: self.participant.clone(), bend: self.bend.clone() }
    }
}

impl<B: Bend, P: Participant> Participant for BentParticipant<B, P> {
    type Branch = P::Branch;

    fn name(&self) -> &str {
        self.participant.name()
    }

    fn begin(&self, gid: &BranchGid) -> impl Future<Output = Result<P::Branch, BeginError>> + Send {
        self.bend.begin(&self.participant, gid)
    }

    fn prepare(&self, branch: &P::Branch) -> impl Future<Output = Result<Vote, Lost>> + Send {
        self.bend.prepare(&self.participant, branch)
    }

    fn commit_one_phase(
        &self,
        branch: &P::Branch,
    ) -> impl Future<Output = Result<OnePhaseVote, Lost>> + Send {
        self.bend.commit_one_phase(&self.participant, branch)
    }

    fn inquire(&self, branch: &P::Branch) -> impl Future<Output = Result<OnePhase, Lost>> + Send {
        self.bend.inquire(&self.participant, branch)
    }

    fn finish(
        &self,
        branch: &P::Branch,
        decision: Decision,
    ) -> impl Future<Output = Result<Ending, Lost>> + Send {
        self.bend.finish(&self.participant, branch, decision)
    }

    fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> impl Future<Output = Result<Ending, Lost>> + Send {
        self.bend.resolve(&self.participant, gid, decision, receipt)
    }

    fn in_doubt(
        &self,
        owner: &CoordinatorId,
    ) -> impl Future<Output = Result<Vec<BranchGid>, Lost>> + Send {
        self.bend.in_doubt(&self.participant, owner)
    }
}
