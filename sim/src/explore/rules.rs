//! The seam at which a bug is planted: what the protocol does, and what its edges promise.
//!
//! [`Shipped`] is every default. A planted bug overrides one method, in the test that plants
//! it; nothing that ships reads a switch.

use indoubt::protocol::{
    Decision, Ending, Input, LogAnswer, LogFailure, Ownership, RecoveryEffects, RecoveryInput,
    RecoveryMachine, TransactionEffects, TransactionMachine,
};

/// What is explored: the machines, and the promises of the edges they rest on.
pub trait Rules: Sync {
    /// The transaction machine takes an input.
    fn transaction(
        &self,
        machine: &mut TransactionMachine,
        input: Input,
        effects: &mut TransactionEffects,
    ) {
        machine.handle(input, effects);
    }

    /// The recovery machine takes an input.
    fn recovery(
        &self,
        machine: &mut RecoveryMachine,
        input: RecoveryInput,
        effects: &mut RecoveryEffects,
    ) {
        machine.handle(input, effects);
    }

    /// Whose a transaction of one epoch is, to the opening that found it.
    fn ownership(&self, transaction: u8, opening: u8) -> Ownership {
        if transaction > opening { Ownership::Foreign } else { Ownership::Ours }
    }

    /// Whether a force under one epoch can still land while the log is at another.
    fn force_lands(&self, force: u8, log: u8) -> bool {
        force == log
    }

    /// Whether the log says that a decision is written only when it is.
    fn force_waits(&self) -> bool {
        true
    }

    /// What recovery takes from a log that could not be read.
    fn unread(&self, failure: LogFailure) -> Result<LogAnswer, LogFailure> {
        Err(failure)
    }

    /// Whether a force that failed before the log was read can no longer land.
    fn reading_is_final(&self) -> bool {
        true
    }

    /// Whether two transactions have one gid, given the epochs in which they were begun.
    fn same_gid(&self, _one: u8, _other: u8) -> bool {
        false
    }

    /// What a participant says of a branch that is not prepared, given how it is known to
    /// have ended.
    fn gone(&self, decision: Decision, known: Option<Decision>) -> Ending {
        match (decision, known) {
            (Decision::Commit, Some(Decision::Commit))
            | (Decision::Abort, Some(Decision::Abort) | None) => Ending::AsDecided,
            (Decision::Commit, Some(Decision::Abort))
            | (Decision::Abort, Some(Decision::Commit)) => Ending::Heuristic,
            (Decision::Commit, None) => Ending::Untold,
        }
    }

    /// Whether a prepared branch survives its participant's crash.
    fn prepare_is_durable(&self) -> bool {
        true
    }

    /// Whether a commit of a prepared branch survives its participant's crash.
    fn commit_is_durable(&self) -> bool {
        true
    }

    /// Whether telling a branch to abort through its own session stops a prepare that is
    /// still on its way there.
    fn abort_stops_prepare(&self) -> bool {
        true
    }

    /// Whether a new opening of the log keeps the decisions that it finds.
    fn opening_keeps_decisions(&self) -> bool {
        true
    }
}

/// The protocol as it ships.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shipped;

impl Rules for Shipped {}
