//! What must never happen, by the simulator's names, and what must happen at least once.

use std::fmt;

use super::size::Size;

/// An invariant of the same name and meaning as in [`crate::invariants`].
///
/// There it is judged over a finished history; here over a state, where a wrong one can first
/// be told. Absent are conservation, for there are no rows here, and idempotence, which here is
/// stability while requests arrive twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// No branch committed where another rolled back.
    Agreement,
    /// An outcome, once set, does not change.
    Stability,
    /// Decided only when every branch voted yes, or read-only.
    Validity,
    /// All yes, no fault, no timeout: committed.
    NonTriviality,
    /// Undisturbed sweeps bring every transaction to its end.
    Termination,
    /// No branch commits before the decision is durable.
    DecisionBeforeEffect,
    /// What the client was told, or can be told by gid, is the truth.
    ClientTruth,
    /// A decision whose force returned is found at every later opening.
    Durability,
    /// At rest nothing is prepared, open, or owed by the log.
    NoOrphans,
    /// A coordinator resolves nothing of a newer epoch.
    Ownership,
    /// A decision is forgotten only when every branch has ended.
    SafeForgetting,
    /// Who was overruled by an operator is told, and nobody else.
    HeuristicsReported,
}

impl Invariant {
    /// Every one.
    pub const ALL: [Self; 12] = [
        Self::Agreement,
        Self::Stability,
        Self::Validity,
        Self::NonTriviality,
        Self::Termination,
        Self::DecisionBeforeEffect,
        Self::ClientTruth,
        Self::Durability,
        Self::NoOrphans,
        Self::Ownership,
        Self::SafeForgetting,
        Self::HeuristicsReported,
    ];

    /// Its name, as the simulator has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agreement => "agreement",
            Self::Stability => "stability",
            Self::Validity => "validity",
            Self::NonTriviality => "non_triviality",
            Self::Termination => "termination",
            Self::DecisionBeforeEffect => "decision_before_effect",
            Self::ClientTruth => "client_truth",
            Self::Durability => "durability",
            Self::NoOrphans => "no_orphans",
            Self::Ownership => "ownership",
            Self::SafeForgetting => "safe_forgetting",
            Self::HeuristicsReported => "heuristics_reported",
        }
    }
}

impl Invariant {
    /// What it claims, in a sentence.
    pub const fn claim(self) -> &'static str {
        match self {
            Self::Agreement => "no branch commits, or is decided to, where another rolls back",
            Self::Stability => "an outcome does not change",
            Self::Validity => "a commit is decided only when every branch has voted for it",
            Self::NonTriviality => "what nothing disturbs and nobody votes against commits",
            Self::Termination => "whatever is waited for can still come",
            Self::DecisionBeforeEffect => "no branch commits before the decision is durable",
            Self::ClientTruth => "what the client is told, or would be on asking by gid, is true",
            Self::Durability => "a decision whose force returned is in the log",
            Self::NoOrphans => "recovery leaves nothing prepared and nothing owed",
            Self::Ownership => "a coordinator resolves nothing of a newer epoch",
            Self::SafeForgetting => "a decision is forgotten only when every branch has ended",
            Self::HeuristicsReported => "who was overruled is told, and nobody else",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that an exploration must have seen, or it proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sometimes {
    /// A client is told committed.
    ToldCommitted,
    /// A client is told aborted.
    ToldAborted,
    /// A client is told in doubt.
    ToldInDoubt,
    /// A branch commits because recovery told it to.
    CommitByRecovery,
    /// A branch rolls back because recovery told it to.
    AbortByRecovery,
    /// A force is refused because a newer opening exists.
    FencedForce,
    /// A decision becomes durable when nobody waits for it any more.
    LateForce,
    /// A branch is prepared after its transaction was aborted.
    LatePrepareAfterAbort,
    /// A copy of a request reaches a branch that has ended.
    DuplicateAfterEnd,
    /// A sweep meets a transaction that is live at its own coordinator.
    SweepMeetsLive,
    /// A sweep meets a transaction of a newer epoch.
    SweepMeetsNewer,
    /// A coordinator crashes in the middle of recovery.
    CrashInRecovery,
    /// A decision contradicts what an operator did, and that is reported.
    HeuristicReported,
    /// A participant can no longer tell how a branch ended, and that is reported.
    HazardReported,
    /// A branch commits in one phase, and its coordinator does not hear of it.
    OnePhaseUnheard,
}

impl Sometimes {
    /// Every one.
    pub const ALL: [Self; 15] = [
        Self::ToldCommitted,
        Self::ToldAborted,
        Self::ToldInDoubt,
        Self::CommitByRecovery,
        Self::AbortByRecovery,
        Self::FencedForce,
        Self::LateForce,
        Self::LatePrepareAfterAbort,
        Self::DuplicateAfterEnd,
        Self::SweepMeetsLive,
        Self::SweepMeetsNewer,
        Self::CrashInRecovery,
        Self::HeuristicReported,
        Self::HazardReported,
        Self::OnePhaseUnheard,
    ];

    /// What an exhausted system of this size must have reached.
    pub fn demanded(size: Size) -> Vec<Self> {
        let Size { participants, coordinators, faults, .. } = size;
        let (several, contended, faulty) = (participants > 1, coordinators > 1, faults > 0);
        let demanded = |what: &Self| match what {
            Self::ToldCommitted | Self::ToldAborted | Self::ToldInDoubt => true,
            Self::CommitByRecovery
            | Self::AbortByRecovery
            | Self::LatePrepareAfterAbort
            | Self::DuplicateAfterEnd
            | Self::SweepMeetsLive => several,
            Self::FencedForce | Self::SweepMeetsNewer => several && contended,
            Self::LateForce
            | Self::CrashInRecovery
            | Self::HeuristicReported
            | Self::HazardReported => several && faulty,
            Self::OnePhaseUnheard => !several,
        };
        Self::ALL.into_iter().filter(demanded).collect()
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ToldCommitted => "a client is told committed",
            Self::ToldAborted => "a client is told aborted",
            Self::ToldInDoubt => "a client is told in doubt",
            Self::CommitByRecovery => "a commit by recovery",
            Self::AbortByRecovery => "an abort by recovery",
            Self::FencedForce => "a fenced force",
            Self::LateForce => "a late force",
            Self::LatePrepareAfterAbort => "a late prepare after the abort",
            Self::DuplicateAfterEnd => "a duplicate after the end",
            Self::SweepMeetsLive => "a sweep meets a live transaction",
            Self::SweepMeetsNewer => "a sweep meets a newer epoch",
            Self::CrashInRecovery => "a crash in the middle of recovery",
            Self::HeuristicReported => "a heuristic ending is reported",
            Self::HazardReported => "a heuristic hazard is reported",
            Self::OnePhaseUnheard => "a one-phase commit unheard of",
        }
    }
}

impl fmt::Display for Sometimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What was reached, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached(u16);

impl Reached {
    pub(super) const fn add(&mut self, what: Sometimes) {
        self.0 |= 1 << what as u16;
    }

    pub(super) const fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether it was reached.
    pub const fn contains(self, what: Sometimes) -> bool {
        self.0 & (1 << what as u16) != 0
    }
}
