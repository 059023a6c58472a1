//! What must happen at least once, or an exploration proves nothing.

use std::fmt;

use crate::story::Size;

/// Something that an exploration must have seen, or it proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sometimes {
    /// A client is told committed.
    ToldCommitted,
    /// A client is told aborted.
    ToldAborted,
    /// A client is told in doubt.
    ToldInDoubt,
    /// A commit is refused before it is begun.
    CommitRefused,
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
    pub const ALL: [Self; 16] = [
        Self::ToldCommitted,
        Self::ToldAborted,
        Self::ToldInDoubt,
        Self::CommitRefused,
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
            Self::ToldCommitted | Self::ToldAborted | Self::ToldInDoubt | Self::CommitRefused => {
                true
            }
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
            Self::CommitRefused => "a commit is refused before it is begun",
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
