//! A trial: the subject, fresh gids and keys for each obligation, and patience.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{BranchOf, Broken, Subject};
use crate::protocol::BranchId;
use crate::{
    BranchGid, CoordinatorId, Decision, Ending, Gid, Lineage, Lost, Participant, Receipt, Vote,
};

/// How long the suite waits before it asks again what was not answered.
const PAUSE: Duration = Duration::from_millis(50);

/// How often it asks.
const ATTEMPTS: u32 = 400;

pub(super) struct Trial<'a, S> {
    pub(super) subject: &'a S,
    next: AtomicU32,
}

/// A branch that has voted yes.
pub(super) struct Prepared<B> {
    pub(super) gid: BranchGid,
    pub(super) key: u32,
    pub(super) branch: B,
    pub(super) receipt: Receipt,
}

impl<'a, S: Subject> Trial<'a, S> {
    pub(super) const fn new(subject: &'a S) -> Self {
        Self { subject, next: AtomicU32::new(1) }
    }

    /// Of the coordinator that is played, or of another whose id begins as that one's does.
    pub(super) fn gid_of(&self, coordinator: CoordinatorId) -> BranchGid {
        let sequence = u64::from(self.next.fetch_add(1, Ordering::Relaxed));
        let branch = BranchId::new(0).expect("there is a branch 0");
        Gid { coordinator, lineage: Lineage { log: 1, opening: 1 }, epoch: 1, sequence }
            .branch(branch)
    }

    pub(super) fn gid(&self) -> BranchGid {
        self.gid_of(self.subject.owner())
    }

    pub(super) fn key(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Another coordinator, whose id begins as that of the one that is played.
    pub(super) fn other(&self) -> Result<CoordinatorId, Broken> {
        Ok(format!("{}-2", self.subject.owner()).parse()?)
    }

    /// A branch that has left a key, and is open.
    pub(super) async fn open(
        &self,
        at: &S::Participant,
        gid: &BranchGid,
    ) -> Result<(BranchOf<S>, u32), Broken> {
        let (branch, key) = (at.begin(gid).await?, self.key());
        self.subject.write(&branch, key).await?;
        Ok((branch, key))
    }

    pub(super) async fn prepared(
        &self,
        at: &S::Participant,
        gid: BranchGid,
    ) -> Result<Prepared<BranchOf<S>>, Broken> {
        let (branch, key) = self.open(at, &gid).await?;
        match at.prepare(&branch).await? {
            Vote::Yes(receipt) => Ok(Prepared { gid, key, branch, receipt }),
            vote => Err(Broken::from(format!("a branch that wrote voted {vote:?}"))),
        }
    }

    /// Ends it by its gid, asking again for as long as there is no answer.
    pub(super) async fn resolve(
        &self,
        at: &S::Participant,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Broken> {
        self.again(async || at.resolve(gid, decision, receipt).await).await
    }

    /// What is listed of a coordinator's, asking again for as long as there is no answer.
    pub(super) async fn listed(
        &self,
        at: &S::Participant,
        owner: &CoordinatorId,
    ) -> Result<Vec<BranchGid>, Broken> {
        let gids = self.again(async || at.in_doubt(owner).await).await?;
        Ok(gids.into_iter().filter(|branch| branch.gid.coordinator == *owner).collect())
    }

    pub(super) async fn is_listed(
        &self,
        at: &S::Participant,
        gid: &BranchGid,
    ) -> Result<bool, Broken> {
        Ok(self.listed(at, &gid.gid.coordinator).await?.contains(gid))
    }

    /// Nothing holds the key: another branch can leave it, and take it back.
    pub(super) async fn is_free(&self, at: &S::Participant, key: u32) -> Result<(), Broken> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let branch = self.begun(at).await?;
            let written = self.subject.write(&branch, key).await;
            self.again(async || at.finish(&branch, Decision::Abort).await).await?;
            match written {
                Ok(()) => return Ok(()),
                Err(error) => last = Some(error),
            }
            self.subject.sleep(PAUSE).await;
        }
        Err(last.map_or_else(
            || Broken::from("nothing was tried"),
            |error| Broken::from(format!("key {key} is still held: {error}")),
        ))
    }

    /// A branch of its own gid, begun as soon as that can be.
    async fn begun(&self, at: &S::Participant) -> Result<BranchOf<S>, Broken> {
        let mut attempts = 0;
        loop {
            match at.begin(&self.gid()).await {
                Ok(branch) => return Ok(branch),
                Err(error) if attempts == ATTEMPTS => return Err(error.into()),
                Err(_) => attempts += 1,
            }
            self.subject.sleep(PAUSE).await;
        }
    }

    /// Asks until there is an answer.
    pub(super) async fn again<T>(
        &self,
        ask: impl AsyncFn() -> Result<T, Lost>,
    ) -> Result<T, Broken> {
        let mut attempts = 0;
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(lost) if attempts == ATTEMPTS => return Err(lost.into()),
                Err(_) => attempts += 1,
            }
            self.subject.sleep(PAUSE).await;
        }
    }
}

/// Fails with this unless it holds.
pub(super) fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken::Because(what())) }
}

/// Fails unless a branch was there to be ended, and was.
pub(super) fn ensure_ended(ending: Ending) -> Result<(), Broken> {
    ensure(ending == Ending::AsDecided, || format!("a prepared branch ended {ending:?}"))
}
