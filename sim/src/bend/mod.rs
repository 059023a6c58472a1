//! Bending one step of what is shipped, or of what a user brings: whatever a bend does not say is as
//! it was.
//!
//! A planted bug is a type that implements [`Bend`], and overrides the one method that it bends. It
//! stands between the parts; no shipped code has a switch for it.

mod disk;
mod log;
mod participant;

use std::sync::Arc;

use futures::future::BoxFuture;
use indoubt::{
    BeginError, BranchGid, Commit, CoordinatorId, Decision, DecisionLog, Ending, Entry, ForceError,
    Gid, LogError, Lost, OnePhase, OnePhaseVote, Origin, Participant, Receipt, Vote,
};

use crate::history::Place;

pub use disk::{BendDisk, Drive};
pub use log::BentLog;
pub use participant::BentParticipant;

/// Steps of a decision log and of a participant, each as it is unless it is bent; and what bends a
/// disk.
///
/// Each coordinator's process has a value of its own, which its log and its participants share: what
/// a bend keeps in itself is lost with the process.
#[expect(unused_variables, reason = "names for those who read and override")]
pub trait Bend: Default + Send + Sync + 'static {
    /// [`DecisionLog::origin`].
    fn origin<L: DecisionLog>(&self, log: &L, gid: &Gid) -> Origin {
        log.origin(gid)
    }

    /// [`DecisionLog::force`].
    fn force<L: DecisionLog>(
        &self,
        log: &Arc<L>,
        commit: &Arc<Commit>,
    ) -> impl Future<Output = Result<(), ForceError>> + Send {
        log.force(commit)
    }

    /// [`DecisionLog::forget`].
    fn forget<L: DecisionLog>(
        &self,
        log: &L,
        gid: &Gid,
    ) -> impl Future<Output = Result<(), LogError>> + Send {
        log.forget(gid)
    }

    /// [`DecisionLog::read`].
    fn read<L: DecisionLog>(
        &self,
        log: &L,
        gid: &Gid,
    ) -> impl Future<Output = Result<Entry, LogError>> + Send {
        log.read(gid)
    }

    /// [`DecisionLog::unfinished`].
    fn unfinished<L: DecisionLog>(
        &self,
        log: &L,
    ) -> impl Future<Output = Result<Vec<Arc<Commit>>, LogError>> + Send {
        log.unfinished()
    }

    /// [`Participant::begin`].
    fn begin<P: Participant>(
        &self,
        at: &P,
        gid: &BranchGid,
    ) -> impl Future<Output = Result<P::Branch, BeginError>> + Send {
        at.begin(gid)
    }

    /// [`Participant::prepare`].
    fn prepare<P: Participant>(
        &self,
        at: &P,
        branch: &P::Branch,
    ) -> impl Future<Output = Result<Vote, Lost>> + Send {
        at.prepare(branch)
    }

    /// [`Participant::commit_one_phase`].
    fn commit_one_phase<P: Participant>(
        &self,
        at: &P,
        branch: &P::Branch,
    ) -> impl Future<Output = Result<OnePhaseVote, Lost>> + Send {
        at.commit_one_phase(branch)
    }

    /// [`Participant::inquire`].
    fn inquire<P: Participant>(
        &self,
        at: &P,
        branch: &P::Branch,
    ) -> impl Future<Output = Result<OnePhase, Lost>> + Send {
        at.inquire(branch)
    }

    /// [`Participant::finish`].
    fn finish<P: Participant>(
        &self,
        at: &P,
        branch: &P::Branch,
        decision: Decision,
    ) -> impl Future<Output = Result<Ending, Lost>> + Send {
        at.finish(branch, decision)
    }

    /// [`Participant::resolve`].
    fn resolve<P: Participant>(
        &self,
        at: &P,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> impl Future<Output = Result<Ending, Lost>> + Send {
        at.resolve(gid, decision, receipt)
    }

    /// [`Participant::in_doubt`].
    fn in_doubt<P: Participant>(
        &self,
        at: &P,
        owner: &CoordinatorId,
    ) -> impl Future<Output = Result<Vec<BranchGid>, Lost>> + Send {
        at.in_doubt(owner)
    }

    /// What bends the disk of a place, as a process that starts now has it.
    fn disk(place: Place) -> Option<Box<dyn BendDisk>> {
        None
    }

    /// Something that runs in a coordinator's process beside its driver, over the same log.
    fn beside<L: DecisionLog, P: Participant>(
        log: &Arc<L>,
        participants: &[P],
    ) -> Option<BoxFuture<'static, ()>> {
        None
    }
}

/// Nothing is bent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Straight;

impl Bend for Straight {}
