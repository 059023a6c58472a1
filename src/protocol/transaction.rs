//! The machine of one transaction at its coordinator.
//!
//! Its phases and what leads from one to the other are drawn in the [chapter](super).
//!
//! Retrying is absent: a branch that could not be told the decision is left to recovery,
//! which has to be able to do it anyway. So is the answer to "is it still my log?": the
//! log itself says so, as [`ForceFailure::Fenced`].

use super::{
    Answer, Ballot, BranchId, BranchSet, Cause, Decision, Effect, Ending, ForceFailure, InLog,
    Input, LogFailure, OnePhase, Phase, Timer, TransactionEffects,
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

    /// Whether a commit of what is enlisted may have to be forced: with one branch nothing is.
    pub const fn needs_log(&self) -> bool {
        self.enlisted.len() > 1
    }

    /// The branches that voted yes: those that a commit decision must name.
    pub const fn prepared(&self) -> BranchSet {
        self.prepared
    }

    /// Takes one input and appends what it makes necessary to `effects`. An input that no longer
    /// matters in the machine's phase does nothing.
    pub fn handle(&mut self, input: Input, effects: &mut TransactionEffects) {
        match input {
            Input::Enlisted(branch) => self.enlist(branch),
            Input::Commit => self.begin_commit(effects),
            Input::CommitRefused(obstacle) => self.roll_back(Cause::Refused(obstacle), effects),
            Input::Rollback => self.roll_back(Cause::Requested, effects),
            Input::Voted(branch, ballot) => self.voted(branch, ballot, effects),
            Input::VoteLost(branch) => self.vote_lost(branch, effects),
            Input::Forced(forced) => self.forced(forced, effects),
            Input::LogRead(answer) => self.log_read(answer, effects),
            Input::Finished(branch, ending) => self.finished(branch, ending, effects),
            Input::FinishLost(branch) => self.finish_lost(branch, effects),
            Input::OnePhased(end) => self.one_phased(end, effects),
            Input::Overdue(timer) => self.overdue(timer, effects),
            Input::Retry => self.retry(effects),
        }
    }

    const fn enlist(&mut self, branch: BranchId) {
        if matches!(self.phase, Phase::Active) {
            self.enlisted.insert(branch);
        }
    }

    fn begin_commit(&mut self, effects: &mut TransactionEffects) {
        if self.phase != Phase::Active {
            return;
        }
        let mut branches = self.enlisted.iter();
        match (branches.next(), branches.next()) {
            (None, _) => self.committed_unlogged(effects),
            (Some(only), None) => {
                self.phase = Phase::OnePhase;
                effects.push(Effect::CommitOnePhase(only));
            }
            (Some(_), Some(_)) => {
                self.phase = Phase::Preparing;
                effects.push(Effect::Prepare(self.enlisted));
            }
        }
    }

    /// Nothing has been prepared, and nothing will be.
    fn roll_back(&mut self, cause: Cause, effects: &mut TransactionEffects) {
        if self.phase == Phase::Active {
            self.voted = self.enlisted;
            self.prepared = self.enlisted;
            self.abort(cause, effects);
        }
    }

    fn voted(&mut self, branch: BranchId, ballot: Ballot, effects: &mut TransactionEffects) {
        if !self.awaits_vote(branch) {
            return;
        }
        self.voted.insert(branch);
        match ballot {
            Ballot::Yes => self.prepared.insert(branch),
            Ballot::ReadOnly | Ballot::No => self.finished.insert(branch),
        }
        if self.phase == Phase::Preparing {
            if ballot == Ballot::No {
                self.abort(Cause::VotedNo(branch), effects);
            } else if self.voted == self.enlisted {
                self.all_voted(effects);
            }
        } else if ballot == Ballot::Yes {
            effects.push(Effect::Finish(BranchSet::only(branch), Decision::Abort));
        } else {
            self.conclude(effects);
        }
    }

    /// No answer to a prepare is neither a yes nor a no: the transaction aborts, and the
    /// branch must be told so, since it may be prepared.
    fn vote_lost(&mut self, branch: BranchId, effects: &mut TransactionEffects) {
        if !self.awaits_vote(branch) {
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

    const fn awaits_vote(&self, branch: BranchId) -> bool {
        matches!(self.phase, Phase::Preparing | Phase::Aborting) && !self.voted.contains(branch)
    }

    fn all_voted(&mut self, effects: &mut TransactionEffects) {
        if self.prepared.is_empty() {
            // All read-only: there is nothing to decide.
            self.committed_unlogged(effects);
        } else {
            self.phase = Phase::Forcing;
            effects.push(Effect::Force);
            effects.push(Effect::StartTimer(Timer::Force));
        }
    }

    fn forced(&mut self, forced: Result<(), ForceFailure>, effects: &mut TransactionEffects) {
        if self.phase != Phase::Forcing {
            return;
        }
        match forced {
            Ok(()) => self.decided(effects),
            Err(ForceFailure::Unknown) => {
                self.phase = Phase::Rereading;
                effects.push(Effect::ReadLog);
            }
            Err(ForceFailure::Fenced) => self.fenced(effects),
        }
    }

    fn log_read(&mut self, answer: Result<InLog, LogFailure>, effects: &mut TransactionEffects) {
        if self.phase != Phase::Rereading {
            return;
        }
        match answer {
            Ok(InLog::Decision) => self.decided(effects),
            Ok(InLog::Nothing) => self.abort(Cause::NotLogged, effects),
            Ok(InLog::Expired) | Err(LogFailure::Fenced) => self.fenced(effects),
            Err(LogFailure::Unreadable) => {
                self.answer(Answer::InDoubt, effects);
                effects.push(Effect::RetryLater);
            }
        }
    }

    /// The decision to commit is durable.
    fn decided(&mut self, effects: &mut TransactionEffects) {
        self.phase = Phase::Committing;
        effects.push(Effect::StartTimer(Timer::Acknowledge));
        effects.push(Effect::Finish(self.prepared, Decision::Commit));
    }

    /// Another coordinator settles the transaction, in whichever direction.
    fn fenced(&mut self, effects: &mut TransactionEffects) {
        self.answer(Answer::InDoubt, effects);
        self.done(effects);
    }

    /// Tells the branches whose prepare is over. A branch that is still preparing is told
    /// when its vote comes or is given up on, so that the abort does not overtake the prepare.
    fn abort(&mut self, cause: Cause, effects: &mut TransactionEffects) {
        self.phase = Phase::Aborting;
        self.cause = cause;
        effects.push(Effect::PresumeAbort);
        if !self.is_over() {
            effects.push(Effect::StartTimer(Timer::Acknowledge));
        }
        if !self.prepared.is_empty() {
            effects.push(Effect::Finish(self.prepared, Decision::Abort));
        }
        self.conclude(effects);
    }

    fn finished(&mut self, branch: BranchId, ending: Ending, effects: &mut TransactionEffects) {
        if !self.is_telling() {
            return;
        }
        self.finished.insert(branch);
        match ending {
            Ending::AsDecided | Ending::Earlier => {}
            Ending::Heuristic => self.heuristic.insert(branch),
            Ending::Untold => {
                self.heuristic.insert(branch);
                self.untold.insert(branch);
            }
        }
        self.conclude(effects);
    }

    fn finish_lost(&mut self, branch: BranchId, effects: &mut TransactionEffects) {
        if self.is_telling() {
            self.lost.insert(branch);
            self.conclude(effects);
        }
    }

    const fn is_telling(&self) -> bool {
        matches!(self.phase, Phase::Committing | Phase::Aborting)
    }

    /// Whether every branch has been heard of.
    const fn is_over(&self) -> bool {
        self.enlisted.is_within(self.finished.union(self.lost))
    }

    /// Ends when every branch has been heard of; forgets only what has finished everywhere.
    fn conclude(&mut self, effects: &mut TransactionEffects) {
        if !self.is_over() {
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
        if !matches!(self.phase, Phase::OnePhase | Phase::Inquiring) {
            return;
        }
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
                effects.push(Effect::StartTimer(Timer::Acknowledge));
                effects.extend(only.iter().map(Effect::Inquire));
            }
            OnePhase::Unknown => effects.push(Effect::RetryLater),
            OnePhase::Untold => {
                self.answer(Answer::InDoubt, effects);
                self.phase = Phase::Done;
                effects.push(Effect::Done { untold: true });
            }
        }
    }

    /// The client has waited long enough, and is told what is known.
    fn overdue(&mut self, timer: Timer, effects: &mut TransactionEffects) {
        match (timer, self.phase) {
            (Timer::Force, Phase::Forcing | Phase::Rereading)
            | (Timer::Acknowledge, Phase::Inquiring) => self.answer(Answer::InDoubt, effects),
            (Timer::Acknowledge, Phase::Committing | Phase::Aborting) => self.tell(effects),
            // What it measures has ended, or not begun.
            (
                Timer::Force,
                Phase::Active
                | Phase::Preparing
                | Phase::Committing
                | Phase::Aborting
                | Phase::OnePhase
                | Phase::Inquiring
                | Phase::Done,
            )
            | (
                Timer::Acknowledge,
                Phase::Active
                | Phase::Preparing
                | Phase::Forcing
                | Phase::Rereading
                | Phase::OnePhase
                | Phase::Done,
            ) => {}
        }
    }

    fn retry(&mut self, effects: &mut TransactionEffects) {
        match self.phase {
            Phase::Rereading => effects.push(Effect::ReadLog),
            Phase::Inquiring => effects.extend(self.enlisted.iter().map(Effect::Inquire)),
            Phase::Active
            | Phase::Preparing
            | Phase::Forcing
            | Phase::Committing
            | Phase::Aborting
            | Phase::OnePhase
            | Phase::Done => {}
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
        effects.push(Effect::Done { untold: false });
    }
}
