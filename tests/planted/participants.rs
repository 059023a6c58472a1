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
        match in_time(at.prepare(branch)).await {
            Some(vote) => vote,
            None => Ok(Vote::Yes(Receipt::none())),
        }
    }
}

/// What comes before anybody else would stop waiting for it.
async fn in_time<T>(answer: impl Future<Output = T>) -> Option<T> {
    match select(pin!(answer), pin!(SimClock.sleep(Duration::from_millis(40)))).await {
        Either::Left((answer, _)) => Some(answer),
        Either::Right(_) => None,
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

/// A participant that is not listed in time has nothing prepared.
#[derive(Default)]
pub(crate) struct UnlistedIsEmpty;

impl Bend for UnlistedIsEmpty {
    async fn in_doubt<P: Participant>(
        &self,
        at: &P,
        owner: &CoordinatorId,
    ) -> Result<Vec<BranchGid>, Lost> {
        match in_time(at.in_doubt(owner)).await {
            Some(listed) => listed,
            None => Ok(Vec::new()),
        }
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
