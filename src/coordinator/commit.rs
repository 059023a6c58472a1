//! Driving one transaction: the pump between its machine and the world.
//!
//! Each effect becomes a future that ends in an input, or is carried out at once. What is to be
//! done, and when, is the machine's to say.

mod decision;
mod event;
mod participants;
mod texts;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tracing::Instrument;

use super::shared::Shared;
use super::transaction::{Enlisted, Request, Wish};
use crate::gid::Gid;
use crate::log::{Commit, LoggedBranch};
use crate::outcome::Outcome;
use crate::participant::Receipt;
use crate::protocol::{
    Answer, BranchId, BranchSet, Effect, Input, LogFailure, Obstacle, Timer, TransactionEffects,
    TransactionMachine,
};

use decision::{force, read};
use event::{Detail, Event, after};
use participants::{commit_one_phase, finish, inquire, prepare};
use texts::Texts;

pub(super) use decision::log_failure;

type Pending<'a> = FuturesUnordered<BoxFuture<'a, Event>>;

pub(super) struct Commitment<'a> {
    shared: &'a Shared,
    gid: Gid,
    reply: Option<oneshot::Sender<Outcome>>,
    branches: Vec<Enlisted>,
    machine: TransactionMachine,
    receipts: BTreeMap<BranchId, Receipt>,
    texts: Texts,
}

impl<'a> Commitment<'a> {
    /// Brings to its end what the request asks for.
    pub(super) async fn run(shared: &'a Shared, request: Request) {
        let Request { gid, branches, wish, reply } = request;
        let span = tracing::info_span!("transaction", %gid);
        let commitment = Self {
            shared,
            gid,
            reply,
            branches,
            machine: TransactionMachine::new(),
            receipts: BTreeMap::new(),
            texts: Texts::default(),
        };
        commitment.pump(wish).instrument(span).await;
    }

    async fn pump(mut self, wish: Wish) {
        // Only what a pending future borrows; the rest of `self` changes while they run.
        let branches = std::mem::take(&mut self.branches);
        let mut pending = Pending::new();
        let mut effects = TransactionEffects::new();
        for branch in &branches {
            self.machine.handle(Input::Enlisted(branch.id), &mut effects);
        }
        let asked = self.asked(wish).await;
        self.machine.handle(asked, &mut effects);
        loop {
            let (mut answer, mut done) = (None, false);
            for effect in effects.drain(..) {
                match effect {
                    Effect::Answer(given) => answer = Some(given),
                    Effect::Forget => self.forget().await,
                    Effect::PresumeAbort => self.shared.live.aborting(&self.gid),
                    Effect::Done { untold } => {
                        done = true;
                        if untold {
                            self.shared.live.untold(&self.gid);
                        } else {
                            self.shared.live.end(&self.gid);
                        }
                    }
                    effect => self.start(effect, &branches, &pending),
                }
            }
            // Last, so that what the client asks next by gid agrees with it.
            if let Some(answer) = answer {
                self.answer(answer, &branches);
            }
            if done {
                return;
            }
            // Until it is done the machine always waits for something, so there is a next event.
            let Some((input, detail)) = pending.next().await else { return };
            self.keep(detail);
            tracing::debug!(?input, phase = ?self.machine.phase());
            self.machine.handle(input, &mut effects);
        }
    }

    /// What the client asks for; or that it is refused, for nothing is begun that could not be
    /// finished.
    async fn asked(&mut self, wish: Wish) -> Input {
        match wish {
            Wish::Rollback => return Input::Rollback,
            Wish::Commit { missing: Some(missing) } => {
                self.texts.missing = missing;
                return Input::CommitRefused(Obstacle::Incomplete);
            }
            Wish::Commit { missing: None } => {}
        }
        if self.shared.is_fenced() {
            return Input::CommitRefused(Obstacle::Fenced);
        }
        if self.machine.needs_log()
            && let Err(error) = self.shared.is_fit().await
        {
            self.texts.log = format!("nothing was prepared, for {error}");
            return Input::CommitRefused(match log_failure(&error) {
                LogFailure::Fenced => Obstacle::Fenced,
                LogFailure::Unreadable => Obstacle::LogBroken,
            });
        }
        Input::Commit
    }

    /// Starts what the effect asks for; its end will be an input of the machine.
    fn start<'b>(&self, effect: Effect, branches: &'b [Enlisted], pending: &Pending<'b>)
    where
        'a: 'b,
    {
        let shared = self.shared;
        let chosen = |set: BranchSet| branches.iter().filter(move |branch| set.contains(branch.id));
        let later = |delay, input| pending.push(after(shared, delay, input).boxed());
        match effect {
            Effect::Prepare(set) => {
                chosen(set).for_each(|branch| pending.push(prepare(shared, branch).boxed()));
            }
            Effect::CommitOnePhase(id) => {
                chosen(BranchSet::only(id))
                    .for_each(|branch| pending.push(commit_one_phase(shared, branch).boxed()));
            }
            Effect::Inquire(id) => {
                chosen(BranchSet::only(id))
                    .for_each(|branch| pending.push(inquire(shared, branch).boxed()));
            }
            Effect::Finish(set, decision) => {
                chosen(set).for_each(|branch| {
                    pending.push(finish(shared, self.gid.clone(), branch, decision).boxed());
                });
            }
            Effect::Force => pending.push(force(shared, self.decision(branches)).boxed()),
            Effect::ReadLog => pending.push(read(shared, self.gid.clone()).boxed()),
            Effect::StartTimer(timer) => later(self.patience(timer), Input::Overdue(timer)),
            Effect::RetryLater => later(shared.deadlines.recovery_interval, Input::Retry),
            // Carried out at once.
            Effect::Answer(_) | Effect::Forget | Effect::PresumeAbort | Effect::Done { .. } => {}
        }
    }

    const fn patience(&self, timer: Timer) -> Duration {
        match timer {
            Timer::Force => self.shared.deadlines.force,
            Timer::Acknowledge => self.shared.deadlines.acknowledge,
        }
    }

    /// The record to force: every branch that voted yes, with its receipt.
    fn decision(&self, branches: &[Enlisted]) -> Arc<Commit> {
        let prepared = self.machine.prepared();
        let named = branches.iter().filter(|branch| prepared.contains(branch.id)).map(|branch| {
            LoggedBranch {
                branch: branch.id,
                participant: branch.participant.clone(),
                receipt: self.receipts.get(&branch.id).cloned().unwrap_or_default(),
            }
        });
        let mut branches: Vec<_> = named.collect();
        branches.sort_by_key(|branch| branch.branch);
        Arc::new(Commit { gid: self.gid.clone(), branches })
    }

    /// Failing to forget only means that recovery will finish, and forget, again; of a commit
    /// that needed no decision, that its status by gid is not remembered.
    async fn forget(&self) {
        if let Err(error) = self.shared.forget(&self.gid).await {
            tracing::warn!(%error, "the finished commit could not be noted");
        }
    }

    fn keep(&mut self, detail: Detail) {
        match detail {
            Detail::Nothing => {}
            Detail::Receipt(branch, receipt) => drop(self.receipts.insert(branch, receipt)),
            Detail::Reason(branch, reason) => drop(self.texts.reasons.insert(branch, reason)),
            Detail::Refusal(branch, refusal) => drop(self.texts.refusals.insert(branch, refusal)),
            Detail::OfTheLog(reason) => self.texts.log = reason,
            Detail::Heuristic(branch, heuristic) => {
                self.texts.heuristics.insert(branch, heuristic);
            }
        }
    }

    fn answer(&mut self, answer: Answer, branches: &[Enlisted]) {
        let patience = self.patience(Timer::Force);
        let outcome = self.texts.outcome(self.gid.clone(), answer, branches, patience);
        match &outcome {
            Outcome::Committed(committed) => {
                tracing::info!(pending = ?committed.pending, "committed");
            }
            Outcome::Aborted(aborted) => tracing::info!(reason = %aborted.reason, "aborted"),
            Outcome::InDoubt(in_doubt) => tracing::warn!(reason = in_doubt.reason, "in doubt"),
        }
        if let Some(reply) = self.reply.take() {
            // A client that has stopped waiting loses nothing but the answer.
            let _ignored = reply.send(outcome);
        }
    }
}
