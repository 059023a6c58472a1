//! Bugs of the coordinator's side, planted at the simulator's seams: what it makes of an answer.
//!
//! Each is the bug of the same name in `explore/planted.rs`, which says who shipped it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use indoubt::{
    BeginError, BranchGid, Commit, CoordinatorId, Decision, DecisionLog, Ending, Entry, ForceError,
    Gid, Lineage, LogError, Lost, OnePhase, OnePhaseVote, Origin, Participant, Receipt, Vote,
};
use indoubt_real::log::FileLog;
use indoubt_sim::disk::Mount;
use indoubt_sim::history::Place;
use indoubt_sim::participant::{SimBranch, SimParticipant};
use indoubt_sim::world::{Seams, Watched};

/// What a coordinator makes of answers; every default is what it should.
pub(crate) trait Plant: Clone + Send + Sync + 'static {
    fn vote(&self, vote: Result<Vote, Lost>) -> Result<Vote, Lost> {
        vote
    }

    fn one_phase(&self, vote: Result<OnePhaseVote, Lost>) -> Result<OnePhaseVote, Lost> {
        vote
    }

    fn resolved(&self, ended: Result<Ending, Lost>) -> Result<Ending, Lost> {
        ended
    }

    fn finished(&self, ended: Result<Ending, Lost>) -> Result<Ending, Lost> {
        ended
    }

    fn read(&self, entry: Result<Entry, LogError>) -> Result<Entry, LogError> {
        entry
    }

    /// Whether after this failure the log is not read, but taken not to have the decision.
    fn gives_up(&self, _: &ForceError) -> bool {
        false
    }
}

/// No answer to a prepare is taken for a yes.
#[derive(Clone)]
pub(crate) struct TimeoutTakenAsYes;

impl Plant for TimeoutTakenAsYes {
    fn vote(&self, vote: Result<Vote, Lost>) -> Result<Vote, Lost> {
        vote.or(Ok(Vote::Yes(Receipt::none())))
    }
}

/// A prepare that rolled back is taken for one that succeeded.
#[derive(Clone)]
pub(crate) struct RollbackTakenAsYes;

impl Plant for RollbackTakenAsYes {
    fn vote(&self, vote: Result<Vote, Lost>) -> Result<Vote, Lost> {
        vote.map(|vote| if let Vote::No(_) = vote { Vote::Yes(Receipt::none()) } else { vote })
    }
}

/// "Not found" is taken for "already committed".
#[derive(Clone)]
pub(crate) struct NotFoundIsCommitted;

impl Plant for NotFoundIsCommitted {
    fn resolved(&self, ended: Result<Ending, Lost>) -> Result<Ending, Lost> {
        ended.map(|_| Ending::AsDecided)
    }

    fn finished(&self, ended: Result<Ending, Lost>) -> Result<Ending, Lost> {
        ended.map(|_| Ending::AsDecided)
    }
}

/// Recovery takes an error for an acknowledgement.
#[derive(Clone)]
pub(crate) struct ErrorIsFinal;

impl Plant for ErrorIsFinal {
    fn resolved(&self, ended: Result<Ending, Lost>) -> Result<Ending, Lost> {
        ended.or(Ok(Ending::AsDecided))
    }
}

/// A lost answer to a one-phase commit is taken for a rollback.
#[derive(Clone)]
pub(crate) struct OnePhaseLostIsAborted;

impl Plant for OnePhaseLostIsAborted {
    fn one_phase(&self, vote: Result<OnePhaseVote, Lost>) -> Result<OnePhaseVote, Lost> {
        vote.or_else(|lost| Ok(OnePhaseVote::RolledBack(lost.to_string().into())))
    }
}

/// A log that cannot be read is taken for an empty one.
#[derive(Clone)]
pub(crate) struct UnreadableIsEmpty;

impl Plant for UnreadableIsEmpty {
    fn read(&self, entry: Result<Entry, LogError>) -> Result<Entry, LogError> {
        match entry {
            Err(LogError::Unreadable { .. }) => Ok(Entry::Absent),
            read => read,
        }
    }
}

/// A commit that could not be delivered is not tried again.
#[derive(Clone)]
pub(crate) struct CommitNotRetried;

impl Plant for CommitNotRetried {
    fn read(&self, entry: Result<Entry, LogError>) -> Result<Entry, LogError> {
        match entry {
            Ok(Entry::Unfinished(_)) => Err(LogError::Unreadable { reason: "later".to_owned() }),
            read => read,
        }
    }
}

/// This failure of the force is taken for an abort, without reading the log again.
#[derive(Clone)]
pub(crate) struct FailedForceAborts {
    pub(crate) fenced: bool,
}

impl Plant for FailedForceAborts {
    fn gives_up(&self, failure: &ForceError) -> bool {
        matches!(failure, ForceError::Fenced { .. }) == self.fenced
    }
}

/// A world with a plant.
#[derive(Clone)]
pub(crate) struct Bent<P>(pub(crate) P);

type Real = Watched<FileLog<Mount>>;

impl<P: Plant> Seams for Bent<P> {
    type Disk = Mount;
    type Log = BentLog<P>;
    type Participant = BentParticipant<P>;

    fn disk(&self, disk: Mount, _place: Place) -> Mount {
        disk
    }

    fn log(&self, log: Real) -> BentLog<P> {
        BentLog { log, plant: self.0.clone(), given_up: Mutex::default() }
    }

    fn participant(&self, participant: SimParticipant) -> BentParticipant<P> {
        BentParticipant { participant, plant: self.0.clone() }
    }
}

/// A log as the plant has it.
pub(crate) struct BentLog<P> {
    log: Real,
    plant: P,
    given_up: Mutex<BTreeSet<Gid>>,
}

impl<P> BentLog<P> {
    fn given_up(&self) -> std::sync::MutexGuard<'_, BTreeSet<Gid>> {
        self.given_up.lock().expect("nothing panics here")
    }
}

impl<P: Plant> DecisionLog for BentLog<P> {
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
        let forced = self.log.force(commit).await;
        if forced.as_ref().is_err_and(|failure| self.plant.gives_up(failure)) {
            self.given_up().insert(commit.gid.clone());
            return Err(ForceError::Unknown { reason: "given up".to_owned() });
        }
        forced
    }

    async fn forget(&self, gid: &Gid) -> Result<(), LogError> {
        self.log.forget(gid).await
    }

    async fn flush(&self) -> Result<(), LogError> {
        self.log.flush().await
    }

    async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        if self.given_up().remove(gid) {
            return Ok(Entry::Absent);
        }
        self.plant.read(self.log.read(gid).await)
    }

    async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        self.log.unfinished().await
    }
}

/// A participant as the plant has it.
#[derive(Clone)]
pub(crate) struct BentParticipant<P> {
    participant: SimParticipant,
    plant: P,
}

impl<P: Plant> Participant for BentParticipant<P> {
    type Branch = SimBranch;

    fn name(&self) -> &str {
        self.participant.name()
    }

    async fn begin(&self, gid: &BranchGid) -> Result<SimBranch, BeginError> {
        self.participant.begin(gid).await
    }

    async fn prepare(&self, branch: &SimBranch) -> Result<Vote, Lost> {
        self.plant.vote(self.participant.prepare(branch).await)
    }

    async fn commit_one_phase(&self, branch: &SimBranch) -> Result<OnePhaseVote, Lost> {
        self.plant.one_phase(self.participant.commit_one_phase(branch).await)
    }

    async fn inquire(&self, branch: &SimBranch) -> Result<OnePhase, Lost> {
        self.participant.inquire(branch).await
    }

    async fn finish(&self, branch: &SimBranch, decision: Decision) -> Result<Ending, Lost> {
        self.plant.finished(self.participant.finish(branch, decision).await)
    }

    async fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Lost> {
        let ended = self.participant.resolve(gid, decision, receipt).await;
        self.plant.resolved(ended)
    }

    async fn in_doubt(&self, owner: &CoordinatorId) -> Result<Vec<BranchGid>, Lost> {
        self.participant.in_doubt(owner).await
    }
}
