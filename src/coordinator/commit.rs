//! Driving one transaction: the pump between its machine and the world.
//!
//! Each effect becomes a future that ends in an input. The texts that the machine does not
//! carry, why a vote was no, what failed, are kept here until the client is answered.

mod decision;
mod event;
mod participants;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::channel::oneshot;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tracing::Instrument;

use super::shared::Shared;
use super::transaction::{Enlisted, Missing, Request, Wish};
use crate::clock::Clock;
use crate::gid::Gid;
use crate::log::{Commit, DecisionLog, LoggedBranch};
use crate::outcome::{AbortReason, Aborted, Committed, Heuristic, InDoubt, Outcome};
use crate::participant::{Receipt, Refusal};
use crate::protocol::{
    Answer, BranchId, BranchSet, Cause, Effect, Input, OnePhase, Phase, TransactionEffects,
    TransactionMachine,
};

use decision::{force, read};
use event::{Event, Note, after};
use participants::{commit_one_phase, finish, inquire, prepare};

pub(super) use decision::log_failure;

type Pending<'a> = FuturesUnordered<BoxFuture<'a, Event>>;

pub(super) struct Commitment<'a, L, C> {
    shared: &'a Shared<L, C>,
    gid: Gid,
    wish: Wish,
    reply: Option<oneshot::Sender<Outcome>>,
    branches: Vec<Enlisted>,
    machine: TransactionMachine,
    receipts: BTreeMap<BranchId, Receipt>,
    reasons: BTreeMap<BranchId, String>,
    refusals: BTreeMap<BranchId, Refusal>,
    heuristics: BTreeMap<BranchId, Heuristic>,
    log_reason: String,
    decided: bool,
}

impl<'a, L: DecisionLog, C: Clock> Commitment<'a, L, C> {
    pub(super) fn new(shared: &'a Shared<L, C>, request: Request) -> Self {
        let Request { gid, branches, wish, reply } = request;
        Self {
            shared,
            gid,
            wish,
            reply,
            branches,
            machine: TransactionMachine::new(),
            receipts: BTreeMap::new(),
            reasons: BTreeMap::new(),
            refusals: BTreeMap::new(),
            heuristics: BTreeMap::new(),
            log_reason: String::new(),
            decided: false,
        }
    }

    pub(super) async fn run(self) {
        let span = tracing::info_span!("transaction", gid = %self.gid);
        self.pump().instrument(span).await;
    }

    async fn pump(mut self) {
        // Only what a pending future borrows; the rest of `self` changes while they run.
        let branches = std::mem::take(&mut self.branches);
        let mut pending = Pending::new();
        let mut effects = TransactionEffects::new();
        for branch in &branches {
            self.machine.handle(Input::Enlisted(branch.id), &mut effects);
        }
        let refused = self.refusal(branches.len()).await;
        self.machine.handle(refused.map_or(Input::Commit, Input::Rollback), &mut effects);
        let mut untold = false;
        loop {
            self.note_phase(&pending);
            let (mut answer, mut done) = (None, false);
            for effect in effects.drain(..) {
                match effect {
                    Effect::Answer(given) => answer = Some(given),
                    Effect::Forget => self.forget().await,
                    Effect::Done => done = true,
                    effect => self.start(effect, &branches, &pending),
                }
            }
            match (done, untold) {
                (true, false) => self.shared.live.end(&self.gid),
                (true, true) => self.shared.live.untold(&self.gid),
                (false, _) => {}
            }
            // Last, so that what the client asks next by gid agrees with it.
            if let Some(answer) = answer {
                self.answer(answer, &branches);
            }
            if done {
                return;
            }
            // Until it is done the machine always waits for something, so there is a next event.
            let Some((input, note)) = pending.next().await else { return };
            self.note(note);
            tracing::debug!(?input, phase = ?self.machine.phase());
            // Nobody will ever know: for those who ask by gid it stays undecided, and is not
            // presumed to be anything.
            untold = input == Input::OnePhased(OnePhase::Untold);
            self.machine.handle(input, &mut effects);
        }
    }

    /// Why the transaction is not to be committed, if it is not: nothing is begun that could not
    /// be finished.
    async fn refusal(&mut self, branches: usize) -> Option<Cause> {
        match &self.wish {
            Wish::Rollback => return Some(Cause::Requested),
            Wish::Commit { missing: Some(_) } => return Some(Cause::Incomplete),
            Wish::Commit { missing: None } => {}
        }
        if self.shared.is_fenced() {
            return Some(Cause::Fenced);
        }
        // With one branch nothing is forced.
        if branches > 1
            && let Err(error) = self.shared.is_fit().await
        {
            self.log_reason = format!("nothing was prepared, for {error}");
            return Some(Cause::NotLogged);
        }
        None
    }

    /// Starts what the effect asks for; its end will be the machine's next input.
    fn start<'b>(&self, effect: Effect, branches: &'b [Enlisted], pending: &Pending<'b>)
    where
        'a: 'b,
    {
        let shared = self.shared;
        let chosen = |set: BranchSet| branches.iter().filter(move |branch| set.contains(branch.id));
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
            Effect::Force => {
                pending.push(force(shared, self.decision(branches)).boxed());
                pending.push(after(shared, shared.deadlines.force, Input::ForceOverdue).boxed());
            }
            Effect::ReadLog => pending.push(read(shared, self.gid.clone()).boxed()),
            Effect::RetryLater => {
                pending
                    .push(after(shared, shared.deadlines.recovery_interval, Input::Retry).boxed());
            }
            Effect::Answer(_) | Effect::Forget | Effect::Done => {}
        }
    }

    /// From the decision on, the client waits for acknowledgements only so long.
    fn note_phase<'b>(&mut self, pending: &Pending<'b>)
    where
        'a: 'b,
    {
        let phase = self.machine.phase();
        if self.decided || !matches!(phase, Phase::Committing | Phase::Aborting | Phase::Inquiring)
        {
            return;
        }
        self.decided = true;
        if phase == Phase::Aborting {
            self.shared.live.aborting(&self.gid);
        }
        let patience = self.shared.deadlines.acknowledge;
        pending.push(after(self.shared, patience, Input::AcknowledgeOverdue).boxed());
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

    fn note(&mut self, note: Note) {
        match note {
            Note::Nothing => {}
            Note::Receipt(branch, receipt) => drop(self.receipts.insert(branch, receipt)),
            Note::Reason(branch, reason) => drop(self.reasons.insert(branch, reason)),
            Note::Refusal(branch, refusal) => drop(self.refusals.insert(branch, refusal)),
            Note::LogReason(reason) => self.log_reason = reason,
            Note::Heuristic(branch, heuristic) => drop(self.heuristics.insert(branch, heuristic)),
        }
    }

    fn answer(&mut self, answer: Answer, branches: &[Enlisted]) {
        let outcome = self.outcome(answer, branches);
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

    fn outcome(&self, answer: Answer, branches: &[Enlisted]) -> Outcome {
        let gid = self.gid.clone();
        let names = |set: BranchSet| branches.iter().filter(move |branch| set.contains(branch.id));
        let heuristic = |set: BranchSet| {
            set.iter().filter_map(|id| self.heuristics.get(&id).cloned()).collect()
        };
        match answer {
            Answer::Committed { pending, heuristic: set } => Outcome::Committed(Committed {
                gid,
                pending: names(pending).map(|branch| branch.participant.to_string()).collect(),
                heuristic: heuristic(set),
            }),
            Answer::Aborted { cause, heuristic: set } => Outcome::Aborted(Aborted {
                gid,
                reason: self.abort_reason(cause, branches),
                heuristic: heuristic(set),
            }),
            Answer::InDoubt => Outcome::InDoubt(InDoubt { gid, reason: self.doubt(branches) }),
        }
    }

    fn abort_reason(&self, cause: Cause, branches: &[Enlisted]) -> AbortReason {
        let name = |id| {
            branches
                .iter()
                .find(|branch| branch.id == id)
                .map_or_else(String::new, |branch| branch.participant.to_string())
        };
        let reason = |id| self.reasons.get(&id).cloned().unwrap_or_default();
        match cause {
            Cause::Requested => AbortReason::Requested,
            Cause::Fenced => AbortReason::Fenced,
            Cause::Incomplete => match &self.wish {
                Wish::Commit { missing: Some(Missing { participant, reason }) } => {
                    let (participant, reason) = (participant.clone(), reason.clone());
                    AbortReason::Incomplete { participant, reason }
                }
                _ => AbortReason::Requested,
            },
            Cause::VotedNo(id) => {
                let refusal = self.refusals.get(&id).cloned().unwrap_or_else(|| "".into());
                AbortReason::VotedNo { participant: name(id), refusal }
            }
            Cause::VoteLost(id) => {
                AbortReason::VoteLost { participant: name(id), reason: reason(id) }
            }
            Cause::NotLogged => AbortReason::NotLogged { reason: self.log_reason.clone() },
        }
    }

    fn doubt(&self, branches: &[Enlisted]) -> String {
        let at_branches = branches.iter().filter_map(|branch| {
            self.reasons.get(&branch.id).map(|reason| format!("{}: {reason}", branch.participant))
        });
        let of_the_log = Some(self.log_reason.clone()).filter(|reason| !reason.is_empty());
        let known: Vec<_> = at_branches.chain(of_the_log).collect();
        if known.is_empty() {
            format!("the decision log did not answer within {:?}", self.shared.deadlines.force)
        } else {
            known.join("; ")
        }
    }
}
