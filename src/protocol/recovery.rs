//! The machine of recovery for one transaction, within one sweep.
//!
//! The sweep has listed what is prepared before it makes this machine, which asks first whether
//! the transaction is live here, and then the decision log. In any other order a transaction that
//! is being committed can look like an orphan.

use arrayvec::ArrayVec;

use super::{BranchId, BranchSet, Decision, Ending, LogFailure};

/// What one input can make the machine do; never more than two effects.
pub type RecoveryEffects = ArrayVec<RecoveryEffect, 2>;

/// Whose a transaction is, to the coordinator that found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ownership {
    /// It began under this opening of the log, or under an earlier one that this log knows.
    Ours,
    /// It is of a coordinator that has taken the log over, of another log under the same id, or
    /// of an opening that this log never saw.
    Foreign,
}

/// What the decision log says of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogAnswer {
    /// No commit decision: by presumed abort, it is aborted.
    Absent,
    /// Decided to commit, and not known to have finished at these branches.
    Commit(BranchSet),
    /// Committed, finished everywhere and forgotten, and still remembered as such.
    Finished,
    /// It may have been committed, finished and forgotten so long ago that nobody knows.
    Expired,
}

/// What recovery may do with a transaction's branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ruling {
    /// Leave them as they are.
    Leave,
    /// Resolve them.
    Resolve(Decision),
}

/// The whole of recovery's judgement.
///
/// A foreign gid is left alone whatever the log says, for this log says nothing of it: the force
/// of an old coordinator is fenced at the log, but its recovery sends aborts, not forces. So is
/// one that the log remembers no longer: presuming its abort could take back what was committed.
pub const fn ruling(
    live_here: bool,
    whose: Ownership,
    log: Result<LogAnswer, LogFailure>,
) -> Ruling {
    match (live_here, whose, log) {
        (true, _, _) | (_, Ownership::Foreign, _) | (_, _, Err(_) | Ok(LogAnswer::Expired)) => {
            Ruling::Leave
        }
        (false, Ownership::Ours, Ok(LogAnswer::Absent)) => Ruling::Resolve(Decision::Abort),
        (false, Ownership::Ours, Ok(LogAnswer::Commit(_) | LogAnswer::Finished)) => {
            Ruling::Resolve(Decision::Commit)
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Phase {
    Found,
    AskingLive,
    ReadingLog,
    Resolving,
    Done,
}

/// What happens to the machine. An input that no longer matters is a silent no-op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecoveryInput {
    /// The scan of the participants is over: begin.
    Start,
    /// Whether the transaction is live at this coordinator.
    Live(bool),
    /// The log's answer.
    LogRead(Result<LogAnswer, LogFailure>),
    /// A branch has ended.
    Finished(BranchId, Ending),
    /// A branch could not be reached; a later sweep will try again.
    FinishLost(BranchId),
}

/// What the machine wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecoveryEffect {
    /// Ask whether the transaction is live at this coordinator.
    AskLive,
    /// Read the log.
    ReadLog,
    /// Tell these branches the decision, in parallel.
    Finish(BranchSet, Decision),
    /// The commit is finished everywhere: the log owes it nothing more.
    Forget,
    /// The sweep is done with this transaction.
    Done,
}

/// Recovery of one transaction, within one sweep.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecoveryMachine {
    phase: Phase,
    whose: Ownership,
    /// Branches found prepared.
    found: BranchSet,
    decision: Decision,
    /// Branches that were told the decision.
    told: BranchSet,
    finished: BranchSet,
    lost: BranchSet,
    /// Whether the log still owes the decision: then finishing it everywhere forgets it.
    owed: bool,
}

impl RecoveryMachine {
    /// Recovery of a transaction whose branches `found` are prepared; empty when only the
    /// log names it.
    pub const fn new(whose: Ownership, found: BranchSet) -> Self {
        Self {
            phase: Phase::Found,
            whose,
            found,
            decision: Decision::Abort,
            told: BranchSet::EMPTY,
            finished: BranchSet::EMPTY,
            lost: BranchSet::EMPTY,
            owed: false,
        }
    }

    /// Takes one input and appends what it makes necessary to `effects`. An input that no longer
    /// matters does nothing.
    pub fn handle(&mut self, input: RecoveryInput, effects: &mut RecoveryEffects) {
        match input {
            RecoveryInput::Start => self.start(effects),
            RecoveryInput::Live(live) => self.is_live(live, effects),
            RecoveryInput::LogRead(answer) => self.judge(answer, effects),
            RecoveryInput::Finished(branch, ending) => self.finished(branch, ending, effects),
            RecoveryInput::FinishLost(branch) => self.finish_lost(branch, effects),
        }
    }

    fn start(&mut self, effects: &mut RecoveryEffects) {
        match (self.phase, self.whose) {
            (Phase::Found, Ownership::Ours) => {
                self.phase = Phase::AskingLive;
                effects.push(RecoveryEffect::AskLive);
            }
            (Phase::Found, Ownership::Foreign) => self.done(effects),
            (Phase::AskingLive | Phase::ReadingLog | Phase::Resolving | Phase::Done, _) => {}
        }
    }

    fn is_live(&mut self, live: bool, effects: &mut RecoveryEffects) {
        if self.phase != Phase::AskingLive {
            return;
        }
        if live {
            self.done(effects);
        } else {
            self.phase = Phase::ReadingLog;
            effects.push(RecoveryEffect::ReadLog);
        }
    }

    fn judge(&mut self, answer: Result<LogAnswer, LogFailure>, effects: &mut RecoveryEffects) {
        if self.phase != Phase::ReadingLog {
            return;
        }
        // Not live at the earlier question means not live for ever: a gid is never used again.
        let Ruling::Resolve(decision) = ruling(false, self.whose, answer) else {
            return self.done(effects);
        };
        self.phase = Phase::Resolving;
        self.decision = decision;
        self.told = self.found;
        if let Ok(LogAnswer::Commit(named)) = answer {
            // Also those not found: their acknowledgement is what forgetting waits for.
            self.told = named;
            self.owed = true;
        }
        if !self.told.is_empty() {
            effects.push(RecoveryEffect::Finish(self.told, decision));
        }
        self.conclude(effects);
    }

    fn finished(&mut self, branch: BranchId, ending: Ending, effects: &mut RecoveryEffects) {
        match ending {
            Ending::AsDecided | Ending::Earlier | Ending::Heuristic => {
                if self.phase == Phase::Resolving {
                    self.finished.insert(branch);
                    self.conclude(effects);
                }
            }
            // One that cannot say how it ended has not acknowledged, and may come back.
            Ending::Untold => self.finish_lost(branch, effects),
        }
    }

    fn finish_lost(&mut self, branch: BranchId, effects: &mut RecoveryEffects) {
        if self.phase == Phase::Resolving {
            self.lost.insert(branch);
            self.conclude(effects);
        }
    }

    fn conclude(&mut self, effects: &mut RecoveryEffects) {
        if !self.told.is_within(self.finished.union(self.lost)) {
            return;
        }
        if self.owed && self.told.is_within(self.finished) {
            effects.push(RecoveryEffect::Forget);
        }
        self.done(effects);
    }

    fn done(&mut self, effects: &mut RecoveryEffects) {
        self.phase = Phase::Done;
        effects.push(RecoveryEffect::Done);
    }
}
