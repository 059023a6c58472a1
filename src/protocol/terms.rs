//! What a transaction's machine and its driver say to each other: inputs, effects, answers.
//!
//! Small and closed on purpose: branches are indices, failures are enums, and there is no text.

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
    /// The client waits for that as long as for acknowledgements.
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

/// What the log has of a decision whose force failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InLog {
    /// The decision: it is durable.
    Decision,
    /// Nothing, and that is final: a force that failed before the reading can no longer land.
    Nothing,
    /// It remembers no longer. Only a coordinator of a newer epoch can have finished and forgotten
    /// what this one still waits for.
    Expired,
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

/// What forbids a commit before it is begun: it could not be finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Obstacle {
    /// A coordinator of a newer epoch is known to own the log.
    Fenced,
    /// The log is known to be broken. Only of a transaction that [needs it]: what is prepared
    /// while the log is broken holds its locks for as long as that lasts.
    ///
    /// [needs it]: super::TransactionMachine::needs_log
    LogBroken,
    /// A branch that the client wanted could not be had.
    Incomplete,
}

/// Why a transaction was aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The client asked for it, or dropped the transaction.
    Requested,
    /// The commit was refused, and nothing was prepared.
    Refused(Obstacle),
    /// A participant voted no.
    VotedNo(BranchId),
    /// A participant did not answer to its prepare.
    VoteLost(BranchId),
    /// The decision to commit could not be written, and can no longer be.
    NotLogged,
}

/// How long the client waits, at two stages of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// For the decision to be forced, or to be found in the log after a failed force.
    Force,
    /// For acknowledgements once the decision has been made, or for the answer to an inquiry.
    Acknowledge,
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
    /// The client asks to commit, and its coordinator refuses to begin that.
    CommitRefused(Obstacle),
    /// The client asks to roll back, or has dropped the transaction.
    Rollback,
    /// A participant voted.
    Voted(BranchId, Ballot),
    /// A participant's vote did not come: it may be prepared, now or later.
    VoteLost(BranchId),
    /// The force of the decision returned.
    Forced(Result<(), ForceFailure>),
    /// The log was read after a failed force.
    LogRead(Result<InLog, LogFailure>),
    /// A participant acknowledged the decision.
    Finished(BranchId, Ending),
    /// A participant did not acknowledge the decision.
    FinishLost(BranchId),
    /// The one-phase commit, or the inquiry after it, ended.
    OnePhased(OnePhase),
    /// What [`Effect::StartTimer`] measures has taken longer than the client should wait.
    Overdue(Timer),
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
    /// Read from the log whether it has the decision.
    ReadLog,
    /// Tell these branches the decision, in parallel.
    Finish(BranchSet, Decision),
    /// Give the client its answer; at most once.
    Answer(Answer),
    /// The commit is finished everywhere: the log owes it nothing more.
    Forget,
    /// Give [`Input::Overdue`] when the client has waited long enough. Each is asked for at most
    /// once.
    StartTimer(Timer),
    /// Give [`Input::Retry`] after a pause.
    RetryLater,
    /// The transaction aborts, whatever its branches still have to be told: from now on whoever
    /// asks by gid is told so.
    PresumeAbort,
    /// The machine has nothing more to do.
    Done {
        /// Nobody will ever know how it ended, so to whoever asks by gid it stays undecided here.
        /// Otherwise it is no longer live here: whoever asks is told what the log says, and what the
        /// log does not have is aborted.
        untold: bool,
    },
}
