//! The calls of one sweep to one participant: a few at a time, each with a deadline that starts
//! when it is made.
//!
//! A participant that does not answer is waited for once. From then on the sweep's other calls to
//! it end at once, so that it costs one deadline and not one for each of its branches; and since
//! each participant has a gate of its own, it costs the others nothing.

use std::sync::OnceLock;

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};

use super::calls::{answered, late};
use super::shared::Shared;
use crate::gid::BranchGid;
use crate::participant::{Lost, Receipt};
use crate::protocol::{Decision, Ending};

/// How many calls to one participant are under way at once.
const AT_ONCE: usize = 4;

/// A branch to be told the decision.
pub(super) struct Order {
    pub(super) branch: BranchGid,
    pub(super) decision: Decision,
    pub(super) receipt: Receipt,
}

type Queued = (Order, oneshot::Sender<Result<Ending, Lost>>);

/// The gates of one sweep, by participant; when this is dropped they close.
pub(super) struct Gates<'a> {
    queues: Vec<mpsc::UnboundedSender<Queued>>,
    silences: &'a Silences,
}

/// Why participants are asked nothing more in a sweep.
#[derive(Default)]
pub(super) struct Silences(Vec<OnceLock<Lost>>);

impl Silences {
    pub(super) fn new(participants: usize) -> Self {
        Self((0..participants).map(|_| OnceLock::new()).collect())
    }

    /// Nothing more is asked of it.
    pub(super) fn fall(&self, participant: usize, why: Lost) {
        let _once_is_enough = self.0[participant].set(why);
    }

    pub(super) fn of(&self, participant: usize) -> Option<&Lost> {
        self.0[participant].get()
    }
}

impl<'a> Gates<'a> {
    /// Gates for so many participants, and what has to be [served](serve) at each.
    pub(super) fn new(
        participants: usize,
        silences: &'a Silences,
    ) -> (Self, Vec<mpsc::UnboundedReceiver<Queued>>) {
        let (queues, served) = (0..participants).map(|_| mpsc::unbounded()).unzip();
        (Self { queues, silences }, served)
    }

    /// The participant's answer, when its turn has come.
    pub(super) async fn tell(&self, participant: usize, order: Order) -> Result<Ending, Lost> {
        if let Some(why) = self.silences.of(participant) {
            return Err(why.clone());
        }
        let (answer, answered) = oneshot::channel();
        let _open_as_long_as_this = self.queues[participant].unbounded_send((order, answer));
        answered.await.unwrap_or_else(|oneshot::Canceled| Err(Lost::new("the sweep has ended")))
    }
}

/// Serves a participant's gate until it closes.
pub(super) async fn serve(
    shared: &Shared,
    participant: usize,
    queue: mpsc::UnboundedReceiver<Queued>,
    silences: &Silences,
) {
    let one = |(order, answer): Queued| async move {
        let ended = if let Some(why) = silences.of(participant) {
            Err(why.clone())
        } else {
            let limit = shared.deadlines.finish;
            let Order { branch, decision, receipt } = &order;
            let call = shared.participants[participant].resolve(branch, *decision, receipt);
            let ended = answered(&*shared.clock, limit, call).await;
            if ended.as_ref().is_err_and(|lost| *lost == late(limit)) {
                silences.fall(participant, late(limit));
            }
            ended
        };
        // Whoever asked has its reasons for not waiting.
        let _ = answer.send(ended);
    };
    queue.for_each_concurrent(AT_ONCE, one).await;
}
