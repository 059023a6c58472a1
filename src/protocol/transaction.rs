//! The machine of one transaction at its coordinator.
//!
//! ```text
//! Active ──commit──> Preparing ──all yes──> Forcing ──forced──> Committing ──> Done
//!    │                   │                     │ failed                          ^
//!    │                   │ no, or no answer    v                                 │
//!    ├──rollback─────────┴──────────────> Rereading ──absent──> Aborting ────────┤
//!    └──commit, one branch──> OnePhase ──no answer──> Inquiring ─────────────────┘
//! ```
//!
//! Retrying is absent: a branch that could not be told the decision is left to recovery,
//! which has to be able to do it anyway. So is the answer to "is it still my log?": the
//! log itself says so, as [`ForceFailure::Fenced`].

use super::{
    Answer, Ballot, BranchId, BranchSet, Cause, Decision, Effect, Ending, ForceFailure, Input,
    LogFailure, OnePhase, Phase, TransactionEffects,
};

/// One transaction at its coordinator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionMachine {
    phase: Phase,
    /// Set when the transaction aborts.
    cause: Cause,
    answered: bool,
    enlisted: BranchSet,
    /// Branches whose prepare has been answered, or given up on.
    voted: BranchSet,
    /// Branches that must be told the decision: voted yes, or may have.
    prepared: BranchSet,
    /// Branches that have ended.
    finished: BranchSet,
    /// Branches that could not be told: recovery's.
    lost: BranchSet,
    heuristic: BranchSet,
    /// Branches that are gone and nobody can say how: the decision is owed to them for ever, for
    /// what is gone can come back (as in a failover to a standby that lacks the latest).
    untold: BranchSet,
}

impl Default for TransactionMachine {
    fn default() -> Self {
        Self::new()
    }
}

impl TransactionMachine {
    /// A transaction without branches.
    pub const fn new() -> Self {
        Self {
            phase: Phase::Active,
            cause: Cause::Requested,
            answered: false,
            enlisted: BranchSet::EMPTY,
            voted: BranchSet::EMPTY,
            prepared: BranchSet::EMPTY,
            finished: BranchSet::EMPTY,
            lost: BranchSet::EMPTY,
            heuristic: BranchSet::EMPTY,
            untold: BranchSet::EMPTY,
        }
    }

    /// Where the transaction is.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// The branches that voted yes: those that a commit decision must name.
    pub const fn prepared(&self) -> BranchSet {
        self.prepared
    }

    /// Takes one input and appends what it makes necessary to `effects`.
    pub fn handle(&mut self, input: Input, effects: &mut TransactionEffects) {
        match (self.phase, input) {
            (Phase::Active, Input::Enlisted(branch)) => self.enlisted.insert(branch),
            (Phase::Active, Input::Commit) => self.begin_commit(effects),
            (Phase::Active, Input::Rollback(cause)) => {
                self.voted = self.enlisted;
                self.prepared = self.enlisted;
                self.abort(cause, effects);
            }
            (Phase::Preparing | Phase::Aborting, Input::Voted(branch, ballot)) => {
                self.voted(branch, ballot, effects);
            }
            (Phase::Preparing | Phase::Aborting, Input::VoteLost(branch)) => {
                self.vote_lost(branch, effects);
            }
            (Phase::Forcing, Input::Forced(Ok(())))
            | (Phase::Rereading, Input::LogRead(Ok(true))) => {
                self.phase = Phase::Committing;
                effects.push(Effect::Finish(self.prepared, Decision::Commit));
            }
            (Phase::Forcing, Input::Forced(Err(ForceFailure::Unknown))) => {
                self.phase = Phase::Rereading;
                effects.push(Effect::ReadLog);
            }
            (Phase::Forcing, Input::Forced(Err(ForceFailure::Fenced)))
            | (Phase::Rereading, Input::LogRead(Err(LogFailure::Fenced))) => {
                self.answer(Answer::InDoubt, effects);
                self.done(effects);
            }
            (Phase::Rereading, Input::LogRead(Ok(false))) => self.abort(Cause::NotLogged, effects),
            (Phase::Rereading, Input::LogRead(Err(LogFailure::Unreadable))) => {
                self.answer(Answer::InDoubt, effects);
                effects.push(Effect::RetryLater);
            }
            (Phase::Rereading, Input::Retry) => effects.push(Effect::ReadLog),
            (Phase::Forcing | Phase::Rereading, Input::ForceOverdue)
            | (Phase::Inquiring, Input::AcknowledgeOverdue) => {
                self.answer(Answer::InDoubt, effects);
            }
            (Phase::Committing | Phase::Aborting, Input::Finished(branch, ending)) => {
                self.finished.insert(branch);
                if !ending.is_as_decided() {
                    self.heuristic.insert(branch);
                }
                if ending == Ending::Untold {
                    self.untold.insert(branch);
                }
                self.conclude(effects);
            }
            (Phase::Committing | Phase::Aborting, Input::FinishLost(branch)) => {
                self.lost.insert(branch);
                self.conclude(effects);
            }
            (Phase::Committing | Phase::Aborting, Input::AcknowledgeOverdue) => self.tell(effects),
            (Phase::OnePhase | Phase::Inquiring, Input::OnePhased(end)) => {
                self.one_phased(end, effects);
            }
            (Phase::Inquiring, Input::Retry) => {
                effects.extend(self.enlisted.iter().map(Effect::Inquire));
            }
            _ => {}
        }
    }

    fn begin_commit(&mut self, effects: &mut TransactionEffects) {
        let mut branches = self.enlisted.iter();
        match (branches.next(), branches.next()) {
            (None, _) => self.committed_unlogged(effects),
            (Some(only), None) => {
                self.phase = Phase::OnePhase;
                effects.push(Effect::CommitOnePhase(only));
            }
            _ => {
                self.phase = Phase::Preparing;
                effects.push(Effect::Prepare(self.enlisted));
            }
        }
    }

    fn voted(&mut self, branch: BranchId, ballot: Ballot, effects: &mut TransactionEffects) {
        if self.voted.contains(branch) {
            return;
        }
        self.voted.insert(branch);
        match ballot {
            Ballot::Yes => self.prepared.insert(branch),
            Ballot::ReadOnly | Ballot::No => self.finished.insert(branch),
        }
        match (self.phase, ballot) {
            (Phase::Preparing, Ballot::No) => self.abort(Cause::VotedNo(branch), effects),
            (Phase::Preparing, _) if self.voted == self.enlisted => self.all_voted(effects),
            (Phase::Aborting, Ballot::Yes) => {
                effects.push(Effect::Finish(BranchSet::only(branch), Decision::Abort));
            }
            (Phase::Aborting, _) => self.conclude(effects),
            _ => {}
        }
    }

    /// No answer to a prepare is neither a yes nor a no: the transaction aborts, and the
    /// branch must be told so, since it may be prepared.
    fn vote_lost(&mut self, branch: BranchId, effects: &mut TransactionEffects) {
        if self.voted.contains(branch) {
            return;
        }
        self.voted.insert(branch);
        self.prepared.insert(branch);
        if self.phase == Phase::Preparing {
            self.abort(Cause::VoteLost(branch), effects);
        } else {
            effects.push(Effect::Finish(BranchSet::only(branch), Decision::Abort));
        }
    }

    fn all_voted(&mut self, effects: &mut TransactionEffects) {
        if self.prepared.is_empty() {
            // All read-only: there is nothing to decide.
            self.committed_unlogged(effects);
        } else {
            self.phase = Phase::Forcing;
            effects.push(Effect::Force);
        }
    }

    /// Tells the branches whose prepare is over. A branch that is still preparing is told
    /// when its vote comes or is given up on, so that the abort does not overtake the prepare.
    fn abort(&mut self, cause: Cause, effects: &mut TransactionEffects) {
        self.phase = Phase::Aborting;
        self.cause = cause;
        if !self.prepared.is_empty() {
            effects.push(Effect::Finish(self.prepared, Decision::Abort));
        }
        self.conclude(effects);
    }

    /// Ends when every branch has been heard of; forgets only what has finished everywhere.
    fn conclude(&mut self, effects: &mut TransactionEffects) {
        if !self.enlisted.is_within(self.finished.union(self.lost)) {
            return;
        }
        self.tell(effects);
        let told = self.finished.minus(self.untold);
        if self.phase == Phase::Committing && self.enlisted.is_within(told) {
            effects.push(Effect::Forget);
        }
        self.done(effects);
    }

    fn tell(&mut self, effects: &mut TransactionEffects) {
        let heuristic = self.heuristic;
        let answer = if self.phase == Phase::Committing {
            Answer::Committed { pending: self.prepared.minus(self.finished), heuristic }
        } else {
            Answer::Aborted { cause: self.cause, heuristic }
        };
        self.answer(answer, effects);
    }

    fn one_phased(&mut self, end: OnePhase, effects: &mut TransactionEffects) {
        let only = self.enlisted;
        match end {
            OnePhase::Committed => self.committed_unlogged(effects),
            OnePhase::RolledBack => {
                let cause = only.iter().next().map_or(Cause::Requested, Cause::VotedNo);
                self.answer(Answer::Aborted { cause, heuristic: BranchSet::EMPTY }, effects);
                self.done(effects);
            }
            // Asked at once the first time, for as a rule only the connection was lost.
            OnePhase::Unknown if self.phase == Phase::OnePhase => {
                self.phase = Phase::Inquiring;
                effects.extend(only.iter().map(Effect::Inquire));
            }
            OnePhase::Unknown => effects.push(Effect::RetryLater),
            OnePhase::Untold => {
                self.answer(Answer::InDoubt, effects);
                self.done(effects);
            }
        }
    }

    /// Committed without a decision: nothing was forced, and forgetting it tells the log how it
    /// ended, for those who ask by gid.
    fn committed_unlogged(&mut self, effects: &mut TransactionEffects) {
        let none = BranchSet::EMPTY;
        self.answer(Answer::Committed { pending: none, heuristic: none }, effects);
        effects.push(Effect::Forget);
        self.done(effects);
    }

    fn answer(&mut self, answer: Answer, effects: &mut TransactionEffects) {
        if !self.answered {
            self.answered = true;
            effects.push(Effect::Answer(answer));
        }
    }

    fn done(&mut self, effects: &mut TransactionEffects) {
        self.phase = Phase::Done;
        effects.push(Effect::Done);
    }
}
