//! A world in which one step of the shipped log or participant is bent: whatever a bug does not say
//! is as shipped.

use std::marker::PhantomData;
use std::sync::Arc;

use indoubt::{
    BeginError, BranchGid, Commit, CoordinatorId, Decision, DecisionLog, Ending, Entry, ForceError,
    Gid, Lineage, LogError, Lost, OnePhase, OnePhaseVote, Origin, Participant, Receipt, Vote,
};
use indoubt_real::log::FileLog;
use indoubt_sim::disk::Mount;
use indoubt_sim::history::Place;
use indoubt_sim::participant::{SimBranch, SimParticipant};
use indoubt_sim::world::{Seams, Watched};

/// The shipped log.
pub(crate) type Real = Watched<FileLog<Mount>>;

/// What a bug does instead. Each opened log has a value of its own.
pub(crate) trait Bend: Default + Send + Sync + 'static {
    /// A coordinator's process comes up.
    fn comes_up() {}

    fn origin(&self, log: &Real, gid: &Gid) -> Origin {
        log.origin(gid)
    }

    fn force(
        &self,
        log: &Arc<Real>,
        commit: &Arc<Commit>,
    ) -> impl Future<Output = Result<(), ForceError>> + Send {
        log.force(commit)
    }

    fn forget(&self, log: &Real, gid: &Gid) -> impl Future<Output = Result<(), LogError>> + Send {
        log.forget(gid)
    }

    fn read(&self, log: &Real, gid: &Gid) -> impl Future<Output = Result<Entry, LogError>> + Send {
        log.read(gid)
    }

    fn unfinished(
        &self,
        log: &Real,
    ) -> impl Future<Output = Result<Vec<Arc<Commit>>, LogError>> + Send {
        log.unfinished()
    }

    fn prepare(
        at: &SimParticipant,
        branch: &SimBranch,
    ) -> impl Future<Output = Result<Vote, Lost>> + Send {
        at.prepare(branch)
    }

    fn resolve(
        at: &SimParticipant,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> impl Future<Output = Result<Ending, Lost>> + Send {
        at.resolve(gid, decision, receipt)
    }
}

/// A world with this bug in it.
pub(crate) struct Bent<B>(PhantomData<fn() -> B>);

/// The same.
pub(crate) const fn bent<B>() -> Bent<B> {
    Bent(PhantomData)
}

// Derived, it would ask the same of the bug.
impl<B> Clone for Bent<B> {
    fn clone(&self) -> Self {
        bent()
    }
}

impl<B: Bend> Seams for Bent<B> {
    type Disk = Mount;
    type Log = BentLog<B>;
    type Participant = BentParticipant<B>;

    fn disk(&self, disk: Mount, _place: Place) -> Mount {
        disk
    }

    fn log(&self, log: Real) -> BentLog<B> {
        B::comes_up();
        BentLog { log: Arc::new(log), bend: B::default() }
    }

    fn participant(&self, participant: SimParticipant) -> BentParticipant<B> {
        BentParticipant { participant, bend: PhantomData }
    }
}

pub(crate) struct BentLog<B> {
    pub(crate) log: Arc<Real>,
    pub(crate) bend: B,
}

impl<B: Bend> DecisionLog for BentLog<B> {
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
        self.bend.origin(&self.log, gid)
    }

    fn has_ended(&self, up_to: &Gid) {
        self.log.has_ended(up_to);
    }

    async fn force(&self, commit: &Arc<Commit>) -> Result<(), ForceError> {
        self.bend.force(&self.log, commit).await
    }

    async fn forget(&self, gid: &Gid) -> Result<(), LogError> {
        self.bend.forget(&self.log, gid).await
    }

    async fn flush(&self) -> Result<(), LogError> {
        self.log.flush().await
    }

    async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        self.bend.read(&self.log, gid).await
    }

    async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        self.bend.unfinished(&self.log).await
    }
}

pub(crate) struct BentParticipant<B> {
    participant: SimParticipant,
    bend: PhantomData<fn() -> B>,
}

impl<B> Clone for BentParticipant<B> {
    fn clone(&self) -> Self {
        Self { participant: self.participant.clone(), bend: PhantomData }
    }
}

impl<B: Bend> Participant for BentParticipant<B> {
    type Branch = SimBranch;

    fn name(&self) -> &str {
        self.participant.name()
    }

    async fn begin(&self, gid: &BranchGid) -> Result<SimBranch, BeginError> {
        self.participant.begin(gid).await
    }

    async fn prepare(&self, branch: &SimBranch) -> Result<Vote, Lost> {
        B::prepare(&self.participant, branch).await
    }

    async fn commit_one_phase(&self, branch: &SimBranch) -> Result<OnePhaseVote, Lost> {
        self.participant.commit_one_phase(branch).await
    }

    async fn inquire(&self, branch: &SimBranch) -> Result<OnePhase, Lost> {
        self.participant.inquire(branch).await
    }

    async fn finish(&self, branch: &SimBranch, decision: Decision) -> Result<Ending, Lost> {
        self.participant.finish(branch, decision).await
    }

    async fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Lost> {
        B::resolve(&self.participant, gid, decision, receipt).await
    }

    async fn in_doubt(&self, owner: &CoordinatorId) -> Result<Vec<BranchGid>, Lost> {
        self.participant.in_doubt(owner).await
    }
}
