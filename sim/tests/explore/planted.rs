//! Bugs, planted at the explorer's seam: each overrides one rule.
//!
//! Which systems shipped them, what happens to be broken first, and the smallest system and
//! budget that show it, is the table in `planted.txt`.
//!
//! Absent are bugs that do not live in the machines or in what they rest on: an owner compared
//! wrongly in a scan (citus PR 1682) and a connection closed without a rollback (dtm 85e73b3)
//! are the driver's and an adapter's; a torn tail read as valid is the log's; and this protocol
//! has no last resource (narayana JBTM-2770) and stages no writes (cockroach #46431).

use indoubt::protocol::{
    Answer, Ballot, BranchSet, Decision, Effect, Ending, ForceFailure, InLog, Input, LogAnswer,
    LogFailure, OnePhase, Ownership, RecoveryEffects, RecoveryInput, RecoveryMachine, Timer,
    TransactionEffects, TransactionMachine,
};
use indoubt_sim::explore::Rules;

type Machine = TransactionMachine;
type Effects = TransactionEffects;

/// Commits are sent while the decision is still on its way to the log.
pub(crate) struct CommitBeforeForce;

impl Rules for CommitBeforeForce {
    fn transaction(&self, machine: &mut Machine, input: Input, effects: &mut Effects) {
        machine.handle(input, effects);
        if effects.contains(&Effect::Force) {
            // For it nobody waits.
            effects.retain(|effect| *effect != Effect::StartTimer(Timer::Force));
            machine.handle(Input::Forced(Ok(())), effects);
        }
    }
}

/// The decision is forgotten before the participants have acknowledged it.
pub(crate) struct ForgottenEarly;

impl Rules for ForgottenEarly {
    fn transaction(&self, machine: &mut Machine, input: Input, effects: &mut Effects) {
        machine.handle(input, effects);
        if effects.iter().any(|one| matches!(one, Effect::Finish(_, Decision::Commit))) {
            effects.push(Effect::Forget);
        }
    }
}

/// Recovery does not ask whether a transaction is live (narayana JBTM-3079, citus #1030).
pub(crate) struct RecoveryAbortsLive;

impl Rules for RecoveryAbortsLive {
    fn recovery(
        &self,
        machine: &mut RecoveryMachine,
        input: RecoveryInput,
        effects: &mut RecoveryEffects,
    ) {
        let asked = matches!(input, RecoveryInput::Live(_));
        machine.handle(if asked { RecoveryInput::Live(false) } else { input }, effects);
    }
}

/// "Not found" is taken for "already committed" (vitess PR 16576, dtm).
pub(crate) struct NotFoundIsCommitted;

impl Rules for NotFoundIsCommitted {
    fn gone(&self, _: Decision, _: Option<Decision>) -> Ending {
        Ending::AsDecided
    }
}

/// A force lands whoever has taken the log over.
pub(crate) struct EpochUnchecked;

impl Rules for EpochUnchecked {
    fn force_lands(&self, _: u8, _: u8) -> bool {
        true
    }
}

/// A log that cannot be read is taken for an empty one.
pub(crate) struct UnreadableIsEmpty;

impl Rules for UnreadableIsEmpty {
    fn unread(&self, failure: LogFailure) -> Result<LogAnswer, LogFailure> {
        match failure {
            LogFailure::Unreadable => Ok(LogAnswer::Absent),
            LogFailure::Fenced => Err(failure),
        }
    }
}

/// A coordinator that has been taken over resolves what its successor began.
pub(crate) struct ZombieResolvesNewer;

impl Rules for ZombieResolvesNewer {
    fn ownership(&self, _: u8, _: u8) -> Ownership {
        Ownership::Ours
    }
}

/// No answer to a prepare is taken for a yes.
pub(crate) struct TimeoutTakenAsYes;

impl Rules for TimeoutTakenAsYes {
    fn transaction(&self, machine: &mut Machine, input: Input, effects: &mut Effects) {
        let input = match input {
            Input::VoteLost(branch) => Input::Voted(branch, Ballot::Yes),
            other => other,
        };
        machine.handle(input, effects);
    }
}

/// A prepare that rolled back is taken for one that succeeded (psycopg2 #1213).
pub(crate) struct RollbackTakenAsYes;

impl Rules for RollbackTakenAsYes {
    fn transaction(&self, machine: &mut Machine, input: Input, effects: &mut Effects) {
        let input = match input {
            Input::Voted(branch, Ballot::No) => Input::Voted(branch, Ballot::Yes),
            other => other,
        };
        machine.handle(input, effects);
    }
}

/// This failure of the force is taken for an abort, without reading the log again.
pub(crate) struct FailedForceAborts(pub(crate) ForceFailure);

impl Rules for FailedForceAborts {
    fn transaction(&self, machine: &mut Machine, input: Input, effects: &mut Effects) {
        if input == Input::Forced(Err(self.0)) {
            machine.handle(Input::Forced(Err(ForceFailure::Unknown)), &mut Effects::new());
            machine.handle(Input::LogRead(Ok(InLog::Nothing)), effects);
        } else {
            machine.handle(input, effects);
        }
    }
}

/// A prepare is acknowledged before it is durable (mysql 98709).
pub(crate) struct PrepareNotDurable;

impl Rules for PrepareNotDurable {
    fn prepare_is_durable(&self) -> bool {
        false
    }
}

/// The decision is acknowledged before it is durable.
pub(crate) struct DecisionNotDurable;

impl Rules for DecisionNotDurable {
    fn force_waits(&self) -> bool {
        false
    }
}

/// The decisions are dropped when the log is opened anew (vitess #20002).
pub(crate) struct DecisionsDropped;

impl Rules for DecisionsDropped {
    fn opening_keeps_decisions(&self) -> bool {
        false
    }
}

/// A lost answer to a one-phase commit is taken for a rollback (narayana JBTM-2443).
pub(crate) struct OnePhaseLostIsAborted;

impl Rules for OnePhaseLostIsAborted {
    fn transaction(&self, machine: &mut Machine, input: Input, effects: &mut Effects) {
        let input = match input {
            Input::OnePhased(OnePhase::Unknown) => Input::OnePhased(OnePhase::RolledBack),
            other => other,
        };
        machine.handle(input, effects);
    }
}

/// The client is told committed without the participants that have not heard (citus #3780).
pub(crate) struct PendingUnsaid;

impl Rules for PendingUnsaid {
    fn transaction(&self, machine: &mut Machine, input: Input, effects: &mut Effects) {
        machine.handle(input, effects);
        for effect in effects {
            if let Effect::Answer(Answer::Committed { pending, .. }) = effect {
                *pending = BranchSet::EMPTY;
            }
        }
    }
}

/// The client is not told of the branches that an operator has ended otherwise.
pub(crate) struct HeuristicUnsaid;

impl Rules for HeuristicUnsaid {
    fn transaction(&self, machine: &mut Machine, input: Input, effects: &mut Effects) {
        machine.handle(input, effects);
        for effect in effects {
            if let Effect::Answer(Answer::Committed { heuristic, .. }) = effect {
                *heuristic = BranchSet::EMPTY;
            }
        }
    }
}

/// A commit that could not be delivered is not tried again (seata #6496).
pub(crate) struct CommitNotRetried;

impl Rules for CommitNotRetried {
    fn recovery(
        &self,
        machine: &mut RecoveryMachine,
        input: RecoveryInput,
        effects: &mut RecoveryEffects,
    ) {
        let input = match input {
            RecoveryInput::LogRead(Ok(LogAnswer::Commit(_))) => {
                RecoveryInput::LogRead(Err(LogFailure::Unreadable))
            }
            other => other,
        };
        machine.handle(input, effects);
    }
}

/// Recovery takes an error for an acknowledgement (citus #2095, pgjdbc #4438).
pub(crate) struct ErrorIsFinal;

impl Rules for ErrorIsFinal {
    fn recovery(
        &self,
        machine: &mut RecoveryMachine,
        input: RecoveryInput,
        effects: &mut RecoveryEffects,
    ) {
        let input = match input {
            RecoveryInput::FinishLost(branch) => RecoveryInput::Finished(branch, Ending::AsDecided),
            other => other,
        };
        machine.handle(input, effects);
    }
}

/// A branch that is gone and cannot say how it ended is taken for finished, and the decision
/// forgotten; then a failover brings the branch back, and recovery presumes its abort.
pub(crate) struct UntoldIsFinished;

impl Rules for UntoldIsFinished {
    fn transaction(&self, machine: &mut Machine, input: Input, effects: &mut Effects) {
        let input = match input {
            Input::Finished(branch, Ending::Untold) => Input::Finished(branch, Ending::Heuristic),
            other => other,
        };
        machine.handle(input, effects);
    }
}

/// The same of recovery's own acknowledgements.
pub(crate) struct UntoldIsFinishedInRecovery;

impl Rules for UntoldIsFinishedInRecovery {
    fn recovery(
        &self,
        machine: &mut RecoveryMachine,
        input: RecoveryInput,
        effects: &mut RecoveryEffects,
    ) {
        let input = match input {
            RecoveryInput::Finished(branch, Ending::Untold) => {
                RecoveryInput::Finished(branch, Ending::Heuristic)
            }
            other => other,
        };
        machine.handle(input, effects);
    }
}

/// A reading that says "no longer remembered" is taken for "never decided" by a coordinator
/// that has been taken over.
pub(crate) struct ExpiredIsAbsent;

impl Rules for ExpiredIsAbsent {
    fn transaction(&self, machine: &mut Machine, input: Input, effects: &mut Effects) {
        let input = match input {
            Input::LogRead(Ok(InLog::Expired)) => Input::LogRead(Ok(InLog::Nothing)),
            other => other,
        };
        machine.handle(input, effects);
    }
}

/// A decision can still land after the log has said that it is not there, and the transaction was
/// aborted for it (scalardb PR 2135: the abort and a late commit both succeed).
pub(crate) struct LandsAfterTheReading;

impl Rules for LandsAfterTheReading {
    fn reading_is_final(&self) -> bool {
        false
    }
}

/// A committed branch comes back as prepared, after a failover or a checkpoint that missed its
/// end (vitess AtomicDistributedTransaction.md, gpdb PR 10987).
pub(crate) struct CommitComesBack;

impl Rules for CommitComesBack {
    fn commit_is_durable(&self) -> bool {
        false
    }
}

/// The client is told committed when the transaction was rolled back (tidb #33641).
pub(crate) struct AbortToldAsCommit;

impl Rules for AbortToldAsCommit {
    fn transaction(&self, machine: &mut Machine, input: Input, effects: &mut Effects) {
        machine.handle(input, effects);
        for effect in effects {
            if let Effect::Answer(answer @ Answer::Aborted { .. }) = effect {
                let none = BranchSet::EMPTY;
                *answer = Answer::Committed { pending: none, heuristic: none };
            }
        }
    }
}

/// Recovery leaves alone what the log does not know, instead of presuming an abort. A prepare
/// that was overtaken by its abort then stays for ever (vitess #20647).
pub(crate) struct UnknownLeftAlone;

impl Rules for UnknownLeftAlone {
    fn recovery(
        &self,
        machine: &mut RecoveryMachine,
        input: RecoveryInput,
        effects: &mut RecoveryEffects,
    ) {
        let input = match input {
            RecoveryInput::LogRead(Ok(LogAnswer::Absent)) => {
                RecoveryInput::LogRead(Err(LogFailure::Unreadable))
            }
            other => other,
        };
        machine.handle(input, effects);
    }
}

/// The gid does not name the transaction, only its epoch (citus 601b17d54).
pub(crate) struct GidWithoutTransaction;

impl Rules for GidWithoutTransaction {
    fn same_gid(&self, one: u8, other: u8) -> bool {
        one == other
    }
}

/// After a restart the coordinator numbers its transactions from the first on again, and the
/// gid does not name the epoch.
pub(crate) struct GidReused;

impl Rules for GidReused {
    fn same_gid(&self, one: u8, other: u8) -> bool {
        one != other
    }
}

/// An abort does not stop a prepare that is still on its way (vitess #20647). Not a bug here:
/// recovery does not stop after one sweep.
pub(crate) struct PrepareOvertaken;

impl Rules for PrepareOvertaken {
    fn abort_stops_prepare(&self) -> bool {
        false
    }
}
