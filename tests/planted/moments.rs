//! Bugs that show between two steps only: at nearly every other moment nothing comes of them.

use std::io;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use indoubt::{
    BranchGid, Commit, Decision, DecisionLog, Ending, Entry, ForceError, Gid, LogError, Lost,
    OnePhase, Participant, Receipt,
};
use indoubt_real::log::Storage;
use indoubt_sim::bend::{Bend, BendDisk};
use indoubt_sim::disk::{Mount, SimFile};
use indoubt_sim::history::Place;

/// A sync has returned before it is carried out, of the decision log or of participants.
#[derive(Default)]
pub(crate) struct SyncedAfterwards<const LOG: bool>;

impl<const LOG: bool> Bend for SyncedAfterwards<LOG> {
    fn disk(place: Place) -> Option<Box<dyn BendDisk>> {
        let bent = matches!(place, Place::Coordinator(_)) == LOG;
        bent.then(|| Box::new(Self) as _)
    }
}

impl<const LOG: bool> BendDisk for SyncedAfterwards<LOG> {
    fn sync<'a>(&'a self, disk: &'a Mount, file: &'a SimFile) -> BoxFuture<'a, io::Result<()>> {
        let (disk, file) = (disk.clone(), *file);
        madsim::task::spawn(async move { disk.sync(&file).await });
        ready(Ok(())).boxed()
    }
}

/// A log that cannot be read has no decision.
#[derive(Default)]
pub(crate) struct UnreadableIsAbsent;

impl Bend for UnreadableIsAbsent {
    async fn read<L: DecisionLog>(&self, log: &L, gid: &Gid) -> Result<Entry, LogError> {
        match log.read(gid).await {
            Err(LogError::Unreadable { .. }) => Ok(Entry::Absent),
            entry => entry,
        }
    }
}

/// A commit in one phase that may still be under way has rolled back.
#[derive(Default)]
pub(crate) struct UnderWayIsRolledBack;

impl Bend for UnderWayIsRolledBack {
    async fn inquire<P: Participant>(&self, at: &P, branch: &P::Branch) -> Result<OnePhase, Lost> {
        Ok(match at.inquire(branch).await? {
            OnePhase::Unknown => OnePhase::RolledBack,
            end => end,
        })
    }
}

/// What an operator has ended against the decision has ended as decided.
#[derive(Default)]
pub(crate) struct HeuristicIsAsDecided;

impl HeuristicIsAsDecided {
    const fn of(ending: Ending) -> Ending {
        match ending {
            Ending::Heuristic => Ending::AsDecided,
            ending => ending,
        }
    }
}

impl Bend for HeuristicIsAsDecided {
    async fn finish<P: Participant>(
        &self,
        at: &P,
        branch: &P::Branch,
        decision: Decision,
    ) -> Result<Ending, Lost> {
        at.finish(branch, decision).await.map(Self::of)
    }

    async fn resolve<P: Participant>(
        &self,
        at: &P,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Lost> {
        at.resolve(gid, decision, receipt).await.map(Self::of)
    }
}

/// A decision that a successor has fenced is durable.
#[derive(Default)]
pub(crate) struct FencedIsForced;

impl Bend for FencedIsForced {
    async fn force<L: DecisionLog>(
        &self,
        log: &Arc<L>,
        commit: &Arc<Commit>,
    ) -> Result<(), ForceError> {
        match log.force(commit).await {
            Err(ForceError::Fenced { .. }) => Ok(()),
            forced => forced,
        }
    }
}
