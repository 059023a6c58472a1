//! Participants of different kinds behind one face, so that one transaction can hold a
//! branch of each.

use std::any::Any;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::calls::guarded;
use crate::gid::{BranchGid, CoordinatorId};
use crate::participant::{Lost, OnePhaseVote, Participant, Receipt, Vote};
use crate::protocol::{Decision, Ending, OnePhase};

/// A participant of some kind, as recovery needs it.
pub(super) trait AnyParticipant: Send + Sync {
    fn name(&self) -> &str;

    /// The participant's own type, for whoever knows it.
    fn as_any(&self) -> &dyn Any;

    fn resolve<'a>(
        &'a self,
        gid: &'a BranchGid,
        decision: Decision,
        receipt: &'a Receipt,
    ) -> BoxFuture<'a, Result<Ending, Lost>>;

    fn in_doubt<'a>(
        &'a self,
        owner: &'a CoordinatorId,
    ) -> BoxFuture<'a, Result<Vec<BranchGid>, Lost>>;
}

impl<P: Participant> AnyParticipant for P {
    fn name(&self) -> &str {
        Participant::name(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn resolve<'a>(
        &'a self,
        gid: &'a BranchGid,
        decision: Decision,
        receipt: &'a Receipt,
    ) -> BoxFuture<'a, Result<Ending, Lost>> {
        guarded(Participant::resolve(self, gid, decision, receipt)).boxed()
    }

    fn in_doubt<'a>(
        &'a self,
        owner: &'a CoordinatorId,
    ) -> BoxFuture<'a, Result<Vec<BranchGid>, Lost>> {
        guarded(Participant::in_doubt(self, owner)).boxed()
    }
}

/// A branch at a participant of some kind, as the driver needs it.
pub(super) trait AnyBranch: Send + Sync {
    fn prepare(&self) -> BoxFuture<'_, Result<Vote, Lost>>;
    fn commit_one_phase(&self) -> BoxFuture<'_, Result<OnePhaseVote, Lost>>;
    fn inquire(&self) -> BoxFuture<'_, Result<OnePhase, Lost>>;
    fn finish(&self, decision: Decision) -> BoxFuture<'_, Result<Ending, Lost>>;
}

/// A branch together with the participant that it is at.
pub(super) struct BranchAt<P: Participant> {
    pub(super) participant: P,
    pub(super) branch: Arc<P::Branch>,
}

impl<P: Participant> AnyBranch for BranchAt<P> {
    fn prepare(&self) -> BoxFuture<'_, Result<Vote, Lost>> {
        guarded(self.participant.prepare(&self.branch)).boxed()
    }

    fn commit_one_phase(&self) -> BoxFuture<'_, Result<OnePhaseVote, Lost>> {
        guarded(self.participant.commit_one_phase(&self.branch)).boxed()
    }

    fn inquire(&self) -> BoxFuture<'_, Result<OnePhase, Lost>> {
        guarded(self.participant.inquire(&self.branch)).boxed()
    }

    fn finish(&self, decision: Decision) -> BoxFuture<'_, Result<Ending, Lost>> {
        guarded(self.participant.finish(&self.branch, decision)).boxed()
    }
}
