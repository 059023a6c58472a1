//! A state of the explored system: both machines by number, and everything around them.
//!
//! All of it is small and of fixed size, so a state is copied freely and packs into six words.
//! Absent are rows, locks and payloads: the protocol does not look at them.
//!
//! Of the network only what can still make a difference is kept. A reply that is lost and a
//! call that is given up on are the same to a coordinator that gives up at any time, so a reply
//! is in its call until it is given up. A request that nobody waits for any more is a *stray*;
//! equal strays are one, since that each can arrive by itself is what a duplicate stands for.

mod pack;

use indoubt::protocol::Timer;

use super::automaton::Id;
use crate::story::{MAX_COORDINATORS, MAX_PARTICIPANTS, MAX_TRANSACTIONS};

pub(super) use pack::Packed;
use pack::take;

/// A transaction that nobody has begun: the machine's first state.
pub(super) const NOT_BEGUN: Id = 0;
/// No machine: it is done, or its coordinator crashed.
pub(super) const NO_MACHINE: Id = Id::MAX;

/// Fieldless enums that a state packs, with a way back.
macro_rules! packed {
    ($(#[$doc:meta])* $name:ident { $first:ident, $($variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(super) enum $name { #[default] $first, $($variant),+ }

        impl $name {
            const ALL: &[Self] = &[Self::$first, $(Self::$variant),+];

            fn unpack(word: &mut u64, bits: u32) -> Self {
                Self::ALL.get(usize::from(take(word, bits))).copied().unwrap_or_default()
            }
        }
    };
}

packed! {
    /// A branch at its participant. `Open` lives in a session, `Gone` left nothing behind; all
    /// others are durable.
    At {
        Open, Prepared, Committed, RolledBack, CommittedAlone, ReadOnly, Gone,
        OperatorCommitted, OperatorRolledBack,
    }
}

packed! {
    /// A call of a transaction machine to a participant: what was asked, or what was replied.
    Call {
        None, Prepare, OnePhase, Inquire, Commit, Abort,
        Yes, ReadOnly, No, OneCommitted, OneRolledBack, AsDecided, Heuristic, Untold,
    }
}

packed! {
    /// A call of recovery. `Recommit` is told for a commit that was acknowledged before, and
    /// so without the evidence that the log has let go.
    Resolve { None, Commit, Recommit, Abort, AsDecided, Heuristic, Untold }
}

packed! {
    /// A decision on its way to the log: its coordinator waits, or nobody does.
    Force { None, Flying, Limbo }
}

packed! {
    /// What of the log a transaction machine waits for.
    Wait { Nothing, Read, Retry }
}

packed! {
    /// What its coordinator's process knows of a transaction beside the log. It leaves an absent
    /// one to recovery.
    Stage { Absent, Undecided, Aborting, Untold }
}

packed! {
    /// A transaction in the log. `Noted` and `NotedForGood` were committed without a decision;
    /// `Forgetting` and `Noted` do not survive the next opening.
    Log { Absent, Decided, Forgetting, Finished, Expired, Noted, NotedForGood }
}

packed! {
    /// What the client was told, if anything was claimed.
    Told { Nothing, Committed, Aborted }
}

/// The timers of a transaction machine that are running, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Timers(pub(super) u8);

impl Timers {
    pub(super) const fn of(timer: Timer) -> Self {
        Self(1 << timer as u8)
    }

    pub(super) const fn is_running(self, timer: Timer) -> bool {
        self.0 & Self::of(timer).0 != 0
    }

    pub(super) const fn start(&mut self, timer: Timer) {
        self.0 |= Self::of(timer).0;
    }

    /// Stops all but these.
    pub(super) const fn keep(&mut self, these: Self) {
        self.0 &= these.0;
    }

    pub(super) const fn stop(&mut self, timer: Timer) {
        self.0 &= !Self::of(timer).0;
    }
}

impl At {
    /// Whether someone else ended it.
    pub(super) const fn by_operator(self) -> bool {
        matches!(self, Self::OperatorCommitted | Self::OperatorRolledBack)
    }
}

impl Call {
    /// Whether the request is still on its way.
    pub(super) const fn asked(self) -> bool {
        matches!(self, Self::Prepare | Self::OnePhase | Self::Inquire | Self::Commit | Self::Abort)
    }

    /// Whether it tells the branch the decision, or asks how a one-phase commit ended: the client
    /// waits for that only as long as a timer runs.
    pub(super) const fn is_timed(self) -> bool {
        match self {
            Self::Commit
            | Self::Abort
            | Self::Inquire
            | Self::AsDecided
            | Self::Heuristic
            | Self::Untold => true,
            Self::None
            | Self::Prepare
            | Self::OnePhase
            | Self::Yes
            | Self::ReadOnly
            | Self::No
            | Self::OneCommitted
            | Self::OneRolledBack => false,
        }
    }

    /// Whether a vote is on its way back.
    pub(super) const fn votes(self) -> bool {
        matches!(self, Self::Yes | Self::ReadOnly | Self::No)
    }
}

impl Resolve {
    /// Whether the request is still on its way.
    pub(super) const fn asked(self) -> bool {
        matches!(self, Self::Commit | Self::Recommit | Self::Abort)
    }
}

impl Log {
    /// Whether the decision to commit has become durable.
    pub(super) const fn decided(self) -> bool {
        matches!(self, Self::Decided | Self::Forgetting | Self::Finished | Self::Expired)
    }
}

/// A branch, all that is on its way to it, and the transaction machine's call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Branch {
    pub(super) at: At,
    pub(super) call: Call,
    /// Requests that nobody waits for, as the bits of [`Stray`](crate::story::Stray).
    pub(super) strays: u8,
    /// The participant can no longer tell how the branch ended.
    pub(super) mute: bool,
}

/// A transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tx {
    pub(super) machine: Id,
    pub(super) owner: u8,
    /// Of its gid.
    pub(super) epoch: u8,
    pub(super) stage: Stage,
    /// The client has had its answer, though perhaps nothing was claimed to it.
    pub(super) answered: bool,
    pub(super) timers: Timers,
    pub(super) wait: Wait,
    pub(super) force: Force,
    pub(super) log: Log,
    /// The branches that the decision names, once it is being forced.
    pub(super) named: u8,
    pub(super) told: Told,
    /// The branches whose heuristic ending was reported.
    pub(super) reported: u8,
    pub(super) branches: [Branch; MAX_PARTICIPANTS],
}

/// Recovery of one transaction at one coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recovery {
    pub(super) machine: Id,
    pub(super) calls: [Resolve; MAX_PARTICIPANTS],
}

impl Default for Recovery {
    fn default() -> Self {
        Self { machine: NO_MACHINE, calls: [Resolve::None; MAX_PARTICIPANTS] }
    }
}

/// A coordinator's process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Coordinator {
    /// The epoch that its opening of the log took; 0 while it is down.
    pub(super) epoch: u8,
    pub(super) recoveries: [Recovery; MAX_TRANSACTIONS],
}

/// A state of the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub(super) txs: [Tx; MAX_TRANSACTIONS],
    pub(super) coordinators: [Coordinator; MAX_COORDINATORS],
    /// Of the latest opening of the log.
    pub(super) log_epoch: u8,
    /// Faults that may still happen.
    pub(super) budget: u8,
}

impl State {
    /// Faults that may still happen.
    pub const fn budget(&self) -> u8 {
        self.budget
    }

    /// Whether somebody may still ask how a branch of the transaction ended.
    pub(super) fn may_be_asked(&self, t: usize) -> bool {
        let tx = &self.txs[t];
        tx.machine != NO_MACHINE
            || tx.force != Force::None
            || matches!(tx.log, Log::Decided | Log::Forgetting)
            || self.coordinators.iter().any(|one| one.recoveries[t].machine != NO_MACHINE)
    }

    /// Renumbers epochs: only their order matters.
    pub(super) fn rank_epochs(&mut self) {
        let mut taken = 1_u16 | 1 << self.log_epoch;
        for coordinator in &self.coordinators {
            taken |= 1 << coordinator.epoch;
        }
        for tx in &self.txs {
            taken |= 1 << tx.epoch;
        }
        let rank = |epoch: u8| (taken & ((1 << epoch) - 1)).count_ones() as u8;
        self.log_epoch = rank(self.log_epoch);
        for coordinator in &mut self.coordinators {
            coordinator.epoch = rank(coordinator.epoch);
        }
        for tx in &mut self.txs {
            tx.epoch = rank(tx.epoch);
        }
    }
}
