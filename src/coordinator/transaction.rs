//! A transaction as its user writes it: begin, a branch at each participant, commit.

use std::any::Any;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use futures::channel::{mpsc, oneshot};
use futures::lock;

use super::calls::{silence, within};
use super::driven::Driven;
use super::enlist::EnlistError;
use super::erased::{AnyBranch, BranchAt};
use super::shared::Shared;
use crate::gid::Gid;
use crate::outcome::{InDoubt, Outcome};
use crate::participant::{BeginError, Participant};
use crate::protocol::BranchId;

/// A transaction that is open: get a branch at each participant, work on it, commit.
///
/// Dropping it rolls it back.
#[must_use = "a transaction that is dropped rolls back"]
pub struct Transaction {
    shared: Arc<Shared>,
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

pub(super) enum Wish {
    Commit {
        /// A branch that the client wanted and did not get.
        missing: Option<Missing>,
    },
    Rollback,
}

/// A branch that could not be had.
#[derive(Clone, Default)]
pub(super) struct Missing {
    pub(super) participant: String,
    pub(super) reason: String,
    pub(super) retryable: bool,
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
    /// Held while a participant's branch is being begun, so that a second call for it waits.
    beginning: BTreeMap<String, Arc<lock::Mutex<()>>>,
    /// Branches that were wanted and not had, at first.
    missing: Vec<Missing>,
    ended: bool,
}

impl Slots {
    /// The first branch that was wanted and has not been had since.
    fn still_missing(&mut self) -> Option<Missing> {
        let had =
            |one: &Missing| self.enlisted.iter().any(|it| *it.participant == *one.participant);
        std::mem::take(&mut self.missing).into_iter().find(|one| !had(one))
    }
}

impl Transaction {
    pub(super) fn begin(shared: Arc<Shared>, requests: mpsc::UnboundedSender<Request>) -> Self {
        let gid = shared.live.allot();
        tracing::debug!(%gid, "transaction begun");
        Self { shared, requests, gid, slots: Mutex::default() }
    }

    /// The transaction's gid: note it to ask for its [`Status`](crate::Status) later.
    pub fn gid(&self) -> &Gid {
        &self.gid
    }

    /// The transaction's branch at a participant, begun at the first call for it. However often
    /// and however concurrently it is asked for, there is one.
    ///
    /// The branch is begun through the handle that was registered under the participant's name,
    /// whatever the one given here points to.
    ///
    /// # Errors
    /// [`EnlistError`]. The transaction cannot commit, for it lacks what was wanted of it, unless
    /// another call has it after all; if it can do without, ask with
    /// [`optional_branch`](Self::optional_branch).
    ///
    /// # Cancel safety
    /// Dropping the future drops a branch that it was beginning, which rolls that back.
    pub async fn branch<P: Participant>(
        &self,
        participant: &P,
    ) -> Result<Branch<'_, P::Branch>, EnlistError> {
        let had = self.optional_branch(participant).await;
        if let Err(error) = &had {
            let participant = participant.name().to_owned();
            let (reason, retryable) = (error.to_string(), error.is_retryable());
            let missing = Missing { participant, reason, retryable };
            self.slots().missing.push(missing);
        }
        had
    }

    /// As [`branch`](Self::branch), but the transaction can commit without it.
    ///
    /// # Errors
    /// [`EnlistError`]; the transaction goes on without the branch.
    ///
    /// # Cancel safety
    /// As for [`branch`](Self::branch).
    pub async fn optional_branch<P: Participant>(
        &self,
        participant: &P,
    ) -> Result<Branch<'_, P::Branch>, EnlistError> {
        let name = participant.name();
        if self.shared.is_fenced() {
            return Err(EnlistError::Fenced);
        }
        let Some(registered) = self.shared.position(name) else {
            return Err(EnlistError::Unregistered { participant: name.to_owned() });
        };
        let registered = self.shared.participants[registered].as_any().downcast_ref::<P>();
        let Some(participant) = registered else {
            return Err(EnlistError::OtherKind { participant: name.to_owned() });
        };
        let beginning = self.slots().beginning.entry(name.to_owned()).or_default().clone();
        let _one_at_a_time = beginning.lock().await;
        if let Some(branch) = self.enlisted::<P>(name) {
            return Ok(branch);
        }
        let Some(id) = self.allot() else {
            return Err(EnlistError::TooManyBranches);
        };
        let gid = self.gid.branch(id);
        let limit = self.shared.deadlines.begin;
        let begun = within(&*self.shared.clock, limit, participant.begin(&gid)).await;
        let silent = || Err(BeginError::new(silence(limit)).retryable());
        let refused = |why| EnlistError::Refused { participant: name.to_owned(), why };
        let branch = begun.unwrap_or_else(silent).map_err(refused)?;
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
        let missing = self.slots().still_missing();
        self.end(Wish::Commit { missing }).await
    }

    /// Rolls back every branch, and returns when they have ended or the deadlines have passed.
    pub async fn rollback(mut self) {
        let _aborted = self.end(Wish::Rollback).await;
    }

    async fn end(&mut self, wish: Wish) -> Outcome {
        let (reply, answer) = oneshot::channel();
        self.hand_over(wish, Some(reply));
        let in_doubt = |reason: &str| {
            Outcome::InDoubt(InDoubt { gid: self.gid.clone(), reason: reason.to_owned() })
        };
        let answered = self.driven(answer).await;
        answered.unwrap_or_else(|| {
            in_doubt(match self.shared.driven.now() {
                Driven::NotYet => {
                    "the coordinator's driver is not running: spawn Driver::run, and keep it running"
                }
                Driven::Now | Driven::NoMore => {
                    "the coordinator's driver has ended, or something panicked in it; what it was at \
                     is left to recovery: keep Driver::run running, and look at its log"
                }
            })
        })
    }

    /// The answer, unless nobody will give one: a driver that has not been started when the time
    /// to begin a branch is over is taken not to come.
    async fn driven(&self, mut answer: oneshot::Receiver<Outcome>) -> Option<Outcome> {
        if self.shared.driven.now() == Driven::NotYet {
            let patience = self.shared.deadlines.begin;
            let answered = within(&*self.shared.clock, patience, &mut answer).await;
            match answered {
                Some(answered) => return answered.ok(),
                None if self.shared.driven.now() == Driven::NotYet => return None,
                None => {}
            }
        }
        answer.await.ok()
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

impl Drop for Transaction {
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
