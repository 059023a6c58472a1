//! Bugs of the coordinator's side, planted at the simulator's seams: what it makes of an answer.
//!
//! Each is the bug of the same name in `explore/planted.rs`, which says who shipped it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use indoubt::{
    BranchGid, Commit, Decision, DecisionLog, Ending, Entry, ForceError, Gid, LogError, Lost,
    OnePhaseVote, Participant, Receipt, Vote,
};
use indoubt_sim::bend::Bend;

/// No answer to a prepare is taken for a yes.
#[derive(Default)]
pub(crate) struct TimeoutTakenAsYes;

impl Bend for TimeoutTakenAsYes {
    async fn prepare<P: Participant>(&self, at: &P, branch: &P::Branch) -> Result<Vote, Lost> {
        at.prepare(branch).await.or(Ok(Vote::Yes(Receipt::none())))
    }
}

/// A prepare that rolled back is taken for one that succeeded.
#[derive(Default)]
pub(crate) struct RollbackTakenAsYes;

impl Bend for RollbackTakenAsYes {
    async fn prepare<P: Participant>(&self, at: &P, branch: &P::Branch) -> Result<Vote, Lost> {
        let vote = at.prepare(branch).await?;
        Ok(if let Vote::No(_) = vote { Vote::Yes(Receipt::none()) } else { vote })
    }
}

/// "Not found" is taken for "already committed".
#[derive(Default)]
pub(crate) struct NotFoundIsCommitted;

impl Bend for NotFoundIsCommitted {
    async fn finish<P: Participant>(
        &self,
        at: &P,
        branch: &P::Branch,
        decision: Decision,
    ) -> Result<Ending, Lost> {
        at.finish(branch, decision).await.map(|_| Ending::AsDecided)
    }

    async fn resolve<P: Participant>(
        &self,
        at: &P,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Lost> {
        at.resolve(gid, decision, receipt).await.map(|_| Ending::AsDecided)
    }
}

/// Recovery takes an error for an acknowledgement.
#[derive(Default)]
pub(crate) struct ErrorIsFinal;

impl Bend for ErrorIsFinal {
    async fn resolve<P: Participant>(
        &self,
        at: &P,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Lost> {
        at.resolve(gid, decision, receipt).await.or(Ok(Ending::AsDecided))
    }
}

/// A lost answer to a one-phase commit is taken for a rollback.
#[derive(Default)]
pub(crate) struct OnePhaseLostIsAborted;

impl Bend for OnePhaseLostIsAborted {
    async fn commit_one_phase<P: Participant>(
        &self,
        at: &P,
        branch: &P::Branch,
    ) -> Result<OnePhaseVote, Lost> {
        let vote = at.commit_one_phase(branch).await;
        vote.or_else(|lost| Ok(OnePhaseVote::RolledBack(lost.to_string().into())))
    }
}

/// A log that cannot be read is taken for an empty one.
#[derive(Default)]
pub(crate) struct UnreadableIsEmpty;

impl Bend for UnreadableIsEmpty {
    async fn read<L: DecisionLog>(&self, log: &L, gid: &Gid) -> Result<Entry, LogError> {
        match log.read(gid).await {
            Err(LogError::Unreadable { .. }) => Ok(Entry::Absent),
            read => read,
        }
    }
}

/// A commit that could not be delivered is not tried again.
#[derive(Default)]
pub(crate) struct CommitNotRetried;

impl Bend for CommitNotRetried {
    async fn read<L: DecisionLog>(&self, log: &L, gid: &Gid) -> Result<Entry, LogError> {
        match log.read(gid).await {
            Ok(Entry::Unfinished(_)) => Err(LogError::Unreadable { reason: "later".to_owned() }),
            read => read,
        }
    }
}

/// This failure of the force, fenced or unknown, is taken for an abort, without reading the log
/// again.
#[derive(Default)]
pub(crate) struct FailedForceAborts<const FENCED: bool> {
    given_up: Mutex<BTreeSet<Gid>>,
}

impl<const FENCED: bool> Bend for FailedForceAborts<FENCED> {
    async fn force<L: DecisionLog>(
        &self,
        log: &Arc<L>,
        commit: &Arc<Commit>,
    ) -> Result<(), ForceError> {
        let forced = log.force(commit).await;
        match forced {
            Err(failure) if matches!(failure, ForceError::Fenced { .. }) == FENCED => {
                self.given_up.lock().expect("no panic").insert(commit.gid.clone());
                Err(ForceError::Unknown { reason: "given up".to_owned() })
            }
            forced => forced,
        }
    }

    async fn read<L: DecisionLog>(&self, log: &L, gid: &Gid) -> Result<Entry, LogError> {
        if self.given_up.lock().expect("no panic").remove(gid) {
            return Ok(Entry::Absent);
        }
        log.read(gid).await
    }
}
