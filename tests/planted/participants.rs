//! What goes wrong between a coordinator and its participants.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use futures::lock::Mutex;
use indoubt::{BranchGid, Clock, Decision, Ending, Lost, Participant, Receipt, Vote};
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
