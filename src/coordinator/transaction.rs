//! A transaction as its user writes it: begin, a branch at each participant, commit.

use std::any::Any;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use futures::channel::{mpsc, oneshot};

use super::erased::{AnyBranch, BranchAt};
use super::shared::Shared;
use crate::clock::{Clock, within};
use crate::gid::Gid;
use crate::log::DecisionLog;
use crate::outcome::{InDoubt, Outcome};
use crate::participant::{BeginError, Participant};
use crate::protocol::{BranchId, MAX_BRANCHES};

/// A transaction that is open: get a branch at each participant, work on it, commit.
///
/// Dropping it rolls it back.
#[must_use = "a transaction that is dropped rolls back"]
pub struct Transaction<L: DecisionLog, C: Clock> {
    shared: Arc<Shared<L, C>>,
    requests: mpsc::UnboundedSender<Request>,
    gid: Gid,
    slots: Mutex<Slots>,
}

/// What the driver is asked to bring to an end.
pub(super) struct Request {
    pub(super) gid: Gid,
    pub(super) branches: Vec<Enlisted>,
    pub(super) wish: Wish,
    /// Absent when nobody waits for the outcome.
    pub(super) reply: Option<oneshot::Sender<Outcome>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Commit,
    Rollback,
}

/// A branch of an open transaction.
pub(super) struct Enlisted {
    pub(super) id: BranchId,
    pub(super) participant: Arc<str>,
    pub(super) at: Arc<dyn AnyBranch>,
    /// The same branch, for a second call that asks for it by its type.
    typed: Arc<dyn Any + Send + Sync>,
}

#[derive(Default)]
struct Slots {
    /// Branch numbers given out so far; one whose begin failed stays unused.
    allotted: u8,
    enlisted: Vec<Enlisted>,
    ended: bool,
}

impl<L: DecisionLog, C: Clock> Transaction<L, C> {
    pub(super) fn begin(
        shared: Arc<Shared<L, C>>,
        requests: mpsc::UnboundedSender<Request>,
    ) -> Self {
        let gid = shared.live.allot();
        tracing::debug!(%gid, "transaction begun");
        Self { shared, requests, gid, slots: Mutex::default() }
    }

    /// The transaction's gid: note it to ask for its [`Status`](crate::Status) later.
    pub fn gid(&self) -> &Gid {
        &self.gid
    }

    /// The transaction's branch at a participant, begun at the first call for it.
    ///
    /// # Errors
    /// [`EnlistError`]; the transaction goes on without the branch, so roll back, or drop it,
    /// unless the branch was optional.
    ///
    /// # Cancel safety
    /// Dropping the future drops the branch, which rolls it back.
    pub async fn branch<P: Participant>(
        &self,
        participant: &P,
    ) -> Result<Branch<'_, P::Branch>, EnlistError> {
        let name = participant.name();
        if self.shared.is_fenced() {
            return Err(EnlistError::Fenced);
        }
        if self.shared.participant(name).is_none() {
            return Err(EnlistError::Unregistered { participant: name.to_owned() });
        }
        if let Some(branch) = self.enlisted::<P>(name) {
            return Ok(branch);
        }
        let Some(id) = self.allot() else {
            return Err(EnlistError::TooManyBranches);
        };
        let gid = self.gid.branch(id);
        let limit = self.shared.deadlines.begin;
        let begun = within(&self.shared.clock, limit, participant.begin(&gid)).await;
        let refused = |source| EnlistError::Refused { participant: name.to_owned(), source };
        let branch = begun
            .unwrap_or_else(|| Err(BeginError::new(format!("it did not answer within {limit:?}"))))
            .map_err(refused)?;
        tracing::debug!(gid = %gid, participant = name, "branch begun");
        let branch = Arc::new(branch);
        self.slots().enlisted.push(Enlisted {
            id,
            participant: name.into(),
            at: Arc::new(BranchAt { participant: participant.clone(), branch: branch.clone() }),
            typed: branch.clone(),
        });
        Ok(Branch { branch, transaction: PhantomData })
    }

    /// Commits: every branch, or none.
    ///
    /// Returns when the decision is carried out, or with what is known at the deadlines. Once
    /// the decision is durable the outcome is [`Outcome::Committed`], naming the participants
    /// that have not acknowledged it; finishing those is the coordinator's job.
    ///
    /// # Cancel safety
    /// Dropping the future only gives up the answer: the driver carries on.
    pub async fn commit(mut self) -> Outcome {
        self.end(Wish::Commit).await
    }

    /// Rolls back every branch, and returns when they have ended or the deadlines have passed.
    pub async fn rollback(mut self) {
        let _aborted = self.end(Wish::Rollback).await;
    }

    async fn end(&mut self, wish: Wish) -> Outcome {
        let (reply, answer) = oneshot::channel();
        self.hand_over(wish, Some(reply));
        answer.await.unwrap_or_else(|oneshot::Canceled| {
            let reason =
                "the coordinator's driver is not running: spawn Driver::run, and keep it running"
                    .to_owned();
            Outcome::InDoubt(InDoubt { gid: self.gid.clone(), reason })
        })
    }

    fn hand_over(&mut self, wish: Wish, reply: Option<oneshot::Sender<Outcome>>) {
        let branches = {
            let mut slots = self.slots();
            slots.ended = true;
            std::mem::take(&mut slots.enlisted)
        };
        let request = Request { gid: self.gid.clone(), branches, wish, reply };
        if self.requests.unbounded_send(request).is_err() {
            // No driver: the branches are dropped with the request, which rolls them back.
            self.shared.live.end(&self.gid);
        }
    }

    fn enlisted<P: Participant>(&self, name: &str) -> Option<Branch<'_, P::Branch>> {
        let slots = self.slots();
        let slot = slots.enlisted.iter().find(|slot| &*slot.participant == name)?;
        let branch = slot.typed.clone().downcast().ok()?;
        Some(Branch { branch, transaction: PhantomData })
    }

    fn allot(&self) -> Option<BranchId> {
        let mut slots = self.slots();
        let id = BranchId::new(slots.allotted)?;
        slots.allotted += 1;
        Some(id)
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Slots> {
        // Valid after every statement, so a panic elsewhere cannot have spoilt it.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: DecisionLog, C: Clock> Drop for Transaction<L, C> {
    fn drop(&mut self) {
        let ended = self.slots().ended;
        if !ended {
            self.hand_over(Wish::Rollback, None);
        }
    }
}

/// A branch to work on. It cannot outlive its transaction, so nothing can be written to it
/// after the commit.
#[derive(Debug)]
pub struct Branch<'tx, B> {
    branch: Arc<B>,
    transaction: PhantomData<&'tx ()>,
}

impl<B> Deref for Branch<'_, B> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.branch
    }
}

/// A branch that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum EnlistError {
    /// The coordinator was built without this participant.
    #[error(
        "the participant {participant:?} is unknown to the coordinator: add it to the builder, so that recovery can reach it"
    )]
    Unregistered {
        /// The participant's name.
        participant: String,
    },
    /// A newer coordinator owns the decision log, so this one can decide nothing more.
    #[error("a newer coordinator has opened the decision log: stop this one")]
    Fenced,
    /// A transaction has at most 64 branches.
    #[error("a transaction has at most {MAX_BRANCHES} branches")]
    TooManyBranches,
    /// The participant could not begin a branch.
    #[error("{participant} could not begin a branch: {source}")]
    Refused {
        /// The participant's name.
        participant: String,
        /// Why, and what to do.
        source: BeginError,
    },
}
