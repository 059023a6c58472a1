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

use arrayvec::ArrayVec;

use super::{BranchId, BranchSet, Decision, Ending, LogFailure};

/// What one input can make the machine do; never more than three effects.
pub type TransactionEffects = ArrayVec<Effect, 3>;

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The client is at work on the branches.
    Active,
    /// Every branch has been asked to prepare.
    Preparing,
    /// All voted yes; the commit decision is on its way to stable storage.
    Forcing,
    /// The force failed, so whether the decision is in the log is unknown until it is read.
    Rereading,
    /// The decision to commit is durable.
    Committing,
    /// The transaction is aborted; nothing is written for that (presumed abort).
    Aborting,
    /// The only branch has been asked to commit without a prepare.
    OnePhase,
    /// The answer to the one-phase commit was lost, and the participant is asked how it ended.
    Inquiring,
    /// Nothing more will come of this machine.
    Done,
}

/// A vote, without its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ballot {
    /// Durably prepared: the branch can commit whatever happens.
    Yes,
    /// The branch wrote nothing and has ended.
    ReadOnly,
    /// The branch has rolled back.
    No,
}

/// Why a forced write of the decision did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ForceFailure {
    /// A coordinator of a newer epoch owns the log. This one may never act on the
    /// transaction again, in either direction.
    Fenced,
    /// It is unknown whether the decision is in the log.
    Unknown,
}

/// How a one-phase commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OnePhase {
    /// The branch has durably committed.
    Committed,
    /// The branch has rolled back.
    RolledBack,
    /// No answer, or the participant cannot say yet.
    Unknown,
    /// The participant can never say.
    Untold,
}

/// Why a transaction was aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The client asked for it, or dropped the transaction.
    Requested,
    /// A participant voted no.
    VotedNo(BranchId),
    /// A participant did not answer to its prepare.
    VoteLost(BranchId),
    /// The decision to commit could not be written.
    NotLogged,
}

/// What the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// The transaction is committed.
    Committed {
        /// Branches that have not acknowledged yet; recovery will finish them.
        pending: BranchSet,
        /// Branches that someone else resolved, or may have.
        heuristic: BranchSet,
    },
    /// The transaction is aborted.
    Aborted {
        /// Why.
        cause: Cause,
        /// Branches that someone else committed, or may have.
        heuristic: BranchSet,
    },
    /// Either is possible; recovery or an inquiry will settle it.
    InDoubt,
}

/// What happens to the machine. An input that no longer matters is a silent no-op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// A branch was begun.
    Enlisted(BranchId),
    /// The client asks to commit.
    Commit,
    /// The client asks to roll back, or has dropped the transaction.
    Rollback,
    /// A participant voted.
    Voted(BranchId, Ballot),
    /// A participant's vote did not come: it may be prepared, now or later.
    VoteLost(BranchId),
    /// The force of the decision returned.
    Forced(Result<(), ForceFailure>),
    /// The force, or the reading after it, has taken longer than the client should wait.
    ForceOverdue,
    /// The log was read: whether it holds the decision. `Ok(false)` is final: a force that
    /// failed before the reading can no longer land.
    LogRead(Result<bool, LogFailure>),
    /// A participant acknowledged the decision.
    Finished(BranchId, Ending),
    /// A participant did not acknowledge the decision.
    FinishLost(BranchId),
    /// The acknowledgements have taken longer than the client should wait.
    AcknowledgeOverdue,
    /// The one-phase commit, or the inquiry after it, ended.
    OnePhased(OnePhase),
    /// The time that [`Effect::RetryLater`] asked for has passed.
    Retry,
}

/// What the machine wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Ask these branches to prepare, in parallel.
    Prepare(BranchSet),
    /// Ask this branch to commit in one phase.
    CommitOnePhase(BranchId),
    /// Ask how this branch's one-phase commit ended.
    Inquire(BranchId),
    /// Force the decision to commit to the log.
    Force,
    /// Read from the log whether it holds the decision.
    ReadLog,
    /// Tell these branches the decision, in parallel.
    Finish(BranchSet, Decision),
    /// Give the client its answer; at most once.
    Answer(Answer),
    /// The commit is finished everywhere: the log owes it nothing more.
    Forget,
    /// Give [`Input::Retry`] after a pause.
    RetryLater,
    /// The transaction is no longer live here.
    Done,
}

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
            (Phase::Active, Input::Rollback) => {
                self.voted = self.enlisted;
                self.prepared = self.enlisted;
                self.abort(Cause::Requested, effects);
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
            (Phase::Forcing | Phase::Rereading, Input::ForceOverdue) => {
                self.answer(Answer::InDoubt, effects);
            }
            (Phase::Committing | Phase::Aborting, Input::Finished(branch, ending)) => {
                self.finished.insert(branch);
                if ending != Ending::AsDecided {
                    self.heuristic.insert(branch);
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
        if self.phase == Phase::Committing && self.enlisted.is_within(self.finished) {
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
            OnePhase::Unknown => {
                self.phase = Phase::Inquiring;
                self.answer(Answer::InDoubt, effects);
                effects.push(Effect::RetryLater);
            }
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
