//! What a coordinator is given, each kind behind one face: participants, so that one transaction can
//! hold a branch of each; the log and the clock, so that a service that has a coordinator need not
//! say over which.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::calls::guarded;
use crate::clock::Clock;
use crate::gid::{BranchGid, CoordinatorId, Gid, Lineage};
use crate::log::{Commit, DecisionLog, Entry, ForceError, LogError, Origin};
use crate::participant::{Lost, OnePhaseVote, Participant, Receipt, Vote};
use crate::protocol::{Decision, Ending, OnePhase};

/// A clock of some kind.
pub(super) trait AnyClock: Send + Sync {
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
}

impl<C: Clock> AnyClock for C {
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Clock::sleep(self, duration).boxed()
    }
}

/// A decision log of some kind.
pub(super) trait AnyLog: Send + Sync {
    fn coordinator(&self) -> &CoordinatorId;
    fn epoch(&self) -> u64;
    fn lineage(&self) -> Lineage;
    fn origin(&self, gid: &Gid) -> Origin;
    fn has_ended(&self, up_to: &Gid);
    fn force<'a>(&'a self, commit: &'a Arc<Commit>) -> BoxFuture<'a, Result<(), ForceError>>;
    fn forget<'a>(&'a self, gid: &'a Gid) -> BoxFuture<'a, Result<(), LogError>>;
    fn flush(&self) -> BoxFuture<'_, Result<(), LogError>>;
    fn read<'a>(&'a self, gid: &'a Gid) -> BoxFuture<'a, Result<Entry, LogError>>;
    fn unfinished(&self) -> BoxFuture<'_, Result<Vec<Arc<Commit>>, LogError>>;
}

impl<L: DecisionLog> AnyLog for L {
    fn coordinator(&self) -> &CoordinatorId {
        DecisionLog::coordinator(self)
    }

    fn epoch(&self) -> u64 {
        DecisionLog::epoch(self)
    }

    fn lineage(&self) -> Lineage {
        DecisionLog::lineage(self)
    }

    fn origin(&self, gid: &Gid) -> Origin {
        DecisionLog::origin(self, gid)
    }

    fn has_ended(&self, up_to: &Gid) {
        DecisionLog::has_ended(self, up_to);
    }

    fn force<'a>(&'a self, commit: &'a Arc<Commit>) -> BoxFuture<'a, Result<(), ForceError>> {
        DecisionLog::force(self, commit).boxed()
    }

    fn forget<'a>(&'a self, gid: &'a Gid) -> BoxFuture<'a, Result<(), LogError>> {
        DecisionLog::forget(self, gid).boxed()
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), LogError>> {
        DecisionLog::flush(self).boxed()
    }

    fn read<'a>(&'a self, gid: &'a Gid) -> BoxFuture<'a, Result<Entry, LogError>> {
        DecisionLog::read(self, gid).boxed()
    }

    fn unfinished(&self) -> BoxFuture<'_, Result<Vec<Arc<Commit>>, LogError>> {
        DecisionLog::unfinished(self).boxed()
    }
}

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
