//! What a state says of a transaction, for those who hold it against another world.
//!
//! Absent is what only the explorer has: machines by number, and the budget of faults.

use super::state::{At, Call, Force, Log, NO_MACHINE, NOT_BEGUN, Resolve, State, Told, Wait};
use crate::story::{AtBranch, Stray};

/// What the log says of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Logged {
    /// Nothing.
    Absent,
    /// Decided, and not known to have finished.
    Unfinished,
    /// Noted as finished, which the next opening may not find; `decided` before that.
    Noting {
        /// Whether a decision was forced.
        decided: bool,
    },
    /// Finished.
    Finished,
    /// Remembered no longer.
    Expired,
}

/// A call to a participant, as its caller has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Calling {
    /// There is none.
    Nothing,
    /// Its request has not arrived.
    Asked,
    /// Its reply has not arrived.
    Replied,
}

/// What a transaction waits for, beside its participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waiting {
    /// Nothing.
    Nothing,
    /// A reading of the log.
    Reading,
    /// The time to try again.
    Retry,
}

impl State {
    /// Whether a client has asked to end the transaction.
    pub fn has_begun(&self, t: usize) -> bool {
        self.txs[t].machine != NOT_BEGUN
    }

    /// The branch of a transaction at a participant.
    pub fn branch(&self, t: usize, p: usize) -> AtBranch {
        match self.txs[t].branches[p].at {
            At::Open => AtBranch::Open,
            At::Prepared => AtBranch::Prepared,
            At::Committed | At::CommittedAlone => AtBranch::Committed { by_operator: false },
            At::OperatorCommitted => AtBranch::Committed { by_operator: true },
            At::RolledBack => AtBranch::RolledBack { by_operator: false },
            At::OperatorRolledBack => AtBranch::RolledBack { by_operator: true },
            At::ReadOnly | At::Gone => AtBranch::NoTrace,
        }
    }

    /// Whether the client was told committed, or aborted, if anything was claimed.
    pub fn told(&self, t: usize) -> Option<bool> {
        match self.txs[t].told {
            Told::Nothing => None,
            Told::Committed => Some(true),
            Told::Aborted => Some(false),
        }
    }

    /// What the log says of a transaction.
    pub fn logged(&self, t: usize) -> Logged {
        match self.txs[t].log {
            Log::Absent => Logged::Absent,
            Log::Decided => Logged::Unfinished,
            Log::Forgetting => Logged::Noting { decided: true },
            Log::Noted => Logged::Noting { decided: false },
            Log::Finished | Log::NotedForGood => Logged::Finished,
            Log::Expired => Logged::Expired,
        }
    }

    /// Whether a decision may still become durable.
    pub fn may_land(&self, t: usize) -> bool {
        self.txs[t].force != Force::None
    }

    /// Whether recovery at a coordinator is at work on a transaction.
    pub fn recovers(&self, c: usize, t: usize) -> bool {
        self.coordinators[c].recoveries[t].machine != NO_MACHINE
    }

    /// Whether a coordinator is up.
    pub fn is_up(&self, c: usize) -> bool {
        self.coordinators[c].epoch > 0
    }

    /// Whether a coordinator is up and another has opened the log since.
    pub fn is_succeeded(&self, c: usize) -> bool {
        self.is_up(c) && self.coordinators[c].epoch < self.log_epoch
    }

    /// The call of a transaction to a participant.
    pub fn call(&self, t: usize, p: usize) -> Calling {
        match self.txs[t].branches[p].call {
            Call::None => Calling::Nothing,
            call if call.asked() => Calling::Asked,
            _ => Calling::Replied,
        }
    }

    /// The call of a coordinator's recovery to a participant.
    pub fn recovery_call(&self, c: usize, t: usize, p: usize) -> Calling {
        match self.coordinators[c].recoveries[t].calls[p] {
            Resolve::None => Calling::Nothing,
            call if call.asked() => Calling::Asked,
            _ => Calling::Replied,
        }
    }

    /// Whether a request that nobody waits for is on its way to a branch.
    pub fn has_stray(&self, t: usize, p: usize, stray: Stray) -> bool {
        self.txs[t].branches[p].strays & stray.bit() != 0
    }

    /// Whether a transaction waits for its decision to be forced.
    pub fn forces(&self, t: usize) -> bool {
        self.txs[t].force == Force::Flying
    }

    /// What else a transaction waits for.
    pub fn waits(&self, t: usize) -> Waiting {
        match self.txs[t].wait {
            Wait::Nothing => Waiting::Nothing,
            Wait::Read => Waiting::Reading,
            Wait::Retry => Waiting::Retry,
        }
    }
}
