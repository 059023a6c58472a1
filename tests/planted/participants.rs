//! What goes wrong between a coordinator and its participants.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use futures::lock;
use indoubt::{
    BeginError, BranchGid, Clock, CoordinatorId, Decision, Ending, Lost, OnePhase, OnePhaseVote,
    Participant, Receipt, Vote,
};
use indoubt_real::log::FileLog;
use indoubt_sim::disk::Mount;
use indoubt_sim::history::Place;
use indoubt_sim::participant::{SimBranch, SimParticipant};
use indoubt_sim::world::{Seams, SimClock, Watched};

/// A vote that does not come in time counts as a yes.
#[derive(Clone)]
pub(crate) struct TimeoutTakenAsYes;

impl Seams for TimeoutTakenAsYes {
    type Disk = Mount;
    type Log = Watched<FileLog<Mount>>;
    type Participant = Impatient;

    fn disk(&self, disk: Mount, _place: Place) -> Mount {
        disk
    }

    fn log(&self, log: Self::Log) -> Self::Log {
        log
    }

    fn participant(&self, participant: SimParticipant) -> Impatient {
        Impatient(participant)
    }
}

/// A participant as an optimist sees it.
#[derive(Clone)]
pub(crate) struct Impatient(SimParticipant);

impl Participant for Impatient {
    type Branch = SimBranch;

    fn name(&self) -> &str {
        self.0.name()
    }

    async fn begin(&self, gid: &BranchGid) -> Result<SimBranch, BeginError> {
        self.0.begin(gid).await
    }

    async fn prepare(&self, branch: &SimBranch) -> Result<Vote, Lost> {
        let vote = std::pin::pin!(self.0.prepare(branch));
        let limit = std::pin::pin!(SimClock.sleep(Duration::from_millis(40)));
        match select(vote, limit).await {
            Either::Left((vote, _)) => vote,
            Either::Right(_) => Ok(Vote::Yes(Receipt::none())),
        }
    }

    async fn commit_one_phase(&self, branch: &SimBranch) -> Result<OnePhaseVote, Lost> {
        self.0.commit_one_phase(branch).await
    }

    async fn inquire(&self, branch: &SimBranch) -> Result<OnePhase, Lost> {
        self.0.inquire(branch).await
    }

    async fn finish(&self, branch: &SimBranch, decision: Decision) -> Result<Ending, Lost> {
        self.0.finish(branch, decision).await
    }

    async fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Lost> {
        self.0.resolve(gid, decision, receipt).await
    }

    async fn in_doubt(&self, owner: &CoordinatorId) -> Result<Vec<BranchGid>, Lost> {
        self.0.in_doubt(owner).await
    }
}

/// Recovery has one session for all participants, and waits in it for whoever does not answer.
#[derive(Clone)]
pub(crate) struct OneAtATime;

thread_local! {
    /// Of the coordinator that is being built; a run has one thread, and a thread one run at a time.
    static SESSION: RefCell<Arc<lock::Mutex<()>>> = RefCell::default();
}

/// A participant behind that session.
#[derive(Clone)]
pub(crate) struct Queued {
    participant: SimParticipant,
    session: Arc<lock::Mutex<()>>,
}

impl Seams for OneAtATime {
    type Disk = Mount;
    type Log = Watched<FileLog<Mount>>;
    type Participant = Queued;

    fn disk(&self, disk: Mount, _place: Place) -> Mount {
        disk
    }

    fn log(&self, log: Self::Log) -> Self::Log {
        log
    }

    fn participant(&self, participant: SimParticipant) -> Queued {
        if participant.name() == Place::Participant(0).to_string() {
            SESSION.take();
        }
        Queued { participant, session: SESSION.with_borrow(Arc::clone) }
    }
}

impl Participant for Queued {
    type Branch = SimBranch;

    fn name(&self) -> &str {
        self.participant.name()
    }

    async fn begin(&self, gid: &BranchGid) -> Result<SimBranch, BeginError> {
        self.participant.begin(gid).await
    }

    async fn prepare(&self, branch: &SimBranch) -> Result<Vote, Lost> {
        self.participant.prepare(branch).await
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
        let _session = self.session.lock().await;
        self.participant.resolve(gid, decision, receipt).await
    }

    async fn in_doubt(&self, owner: &CoordinatorId) -> Result<Vec<BranchGid>, Lost> {
        self.participant.in_doubt(owner).await
    }
}
