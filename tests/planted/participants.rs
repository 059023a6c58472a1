//! What goes wrong between a coordinator and its participants.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use futures::lock::Mutex;
use indoubt::{
    BranchGid, Clock, CoordinatorId, Decision, Ending, Lost, Participant, Receipt, Vote,
};
use indoubt_sim::bend::Bend;
use indoubt_sim::time::SimClock;

/// A vote that does not come in time counts as a yes.
#[derive(Default)]
pub(crate) struct TimeoutTakenAsYes;

impl Bend for TimeoutTakenAsYes {
    async fn prepare<P: Participant>(&self, at: &P, branch: &P::Branch) -> Result<Vote, Lost> {
        let limit = SimClock.sleep(Duration::from_millis(40));
        match select(pin!(at.prepare(branch)), pin!(limit)).await {
            Either::Left((vote, _)) => vote,
            Either::Right(_) => Ok(Vote::Yes(Receipt::none())),
        }
    }
}

/// Recovery has one session for all participants, and waits in it for whoever does not answer.
#[derive(Default)]
pub(crate) struct OneAtATime(Mutex<()>);

impl Bend for OneAtATime {
    async fn resolve<P: Participant>(
        &self,
        at: &P,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Lost> {
        let _alone = self.0.lock().await;
        at.resolve(gid, decision, receipt).await
    }
}

/// A participant that cannot be listed has nothing prepared.
#[derive(Default)]
pub(crate) struct UnlistedIsEmpty;

impl Bend for UnlistedIsEmpty {
    async fn in_doubt<P: Participant>(
        &self,
        at: &P,
        owner: &CoordinatorId,
    ) -> Result<Vec<BranchGid>, Lost> {
        Ok(at.in_doubt(owner).await.unwrap_or_default())
    }
}

/// A vote of no is told as one that did not come.
#[derive(Default)]
pub(crate) struct NoTakenForSilence;

impl Bend for NoTakenForSilence {
    async fn prepare<P: Participant>(&self, at: &P, branch: &P::Branch) -> Result<Vote, Lost> {
        match at.prepare(branch).await? {
            Vote::No(_) => Err(Lost::new("no answer came")),
            vote => Ok(vote),
        }
    }
}

/// A request to prepare is made twice, to be sure.
#[derive(Default)]
pub(crate) struct PreparesTwice;

impl Bend for PreparesTwice {
    async fn prepare<P: Participant>(&self, at: &P, branch: &P::Branch) -> Result<Vote, Lost> {
        drop(at.prepare(branch).await?);
        at.prepare(branch).await
    }
}
