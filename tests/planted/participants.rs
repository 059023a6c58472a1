//! What goes wrong between a coordinator and its participants.

use std::cell::RefCell;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use futures::lock;
use indoubt::{BranchGid, Clock, Decision, Ending, Lost, Participant, Receipt, Vote};
use indoubt_sim::participant::{SimBranch, SimParticipant};
use indoubt_sim::world::SimClock;

use super::bend::Bend;

/// A vote that does not come in time counts as a yes.
#[derive(Default)]
pub(crate) struct TimeoutTakenAsYes;

impl Bend for TimeoutTakenAsYes {
    async fn prepare(at: &SimParticipant, branch: &SimBranch) -> Result<Vote, Lost> {
        let limit = SimClock.sleep(Duration::from_millis(40));
        match select(pin!(at.prepare(branch)), pin!(limit)).await {
            Either::Left((vote, _)) => vote,
            Either::Right(_) => Ok(Vote::Yes(Receipt::none())),
        }
    }
}

/// Recovery has one session for all participants, and waits in it for whoever does not answer.
#[derive(Default)]
pub(crate) struct OneAtATime;

thread_local! {
    /// Of the process that came up last; a run has one thread, and a thread one run at a time.
    static SESSION: RefCell<Arc<lock::Mutex<()>>> = RefCell::default();
}

impl Bend for OneAtATime {
    fn comes_up() {
        SESSION.take();
    }

    async fn resolve(
        at: &SimParticipant,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Lost> {
        let session = SESSION.with_borrow(Arc::clone);
        let _alone = session.lock().await;
        at.resolve(gid, decision, receipt).await
    }
}
