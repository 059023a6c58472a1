//! What a sweep of recovery found and did, for people and for programs.

use std::fmt;

use crate::gid::BranchGid;
use crate::log::{LogError, Origin};
use crate::outcome::Heuristic;

/// What one sweep found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// Branches that this sweep committed. One that turned out to have committed before is not
    /// counted.
    pub committed: Vec<BranchGid>,
    /// Branches that this sweep rolled back.
    pub aborted: Vec<BranchGid>,
    /// Branches that someone else resolved, or may have.
    pub heuristic: Vec<Heuristic>,
    /// Prepared branches that carry this coordinator's id and that it must not end: an operator
    /// has to see to them.
    pub stranded: Vec<Stranded>,
    /// What could not be reached, and why; a later sweep will try again.
    pub unreached: Vec<Unreached>,
}

impl RecoveryReport {
    /// Whether everything was reached, so that nothing of this coordinator's that is older than
    /// the sweep is left in doubt. What is [stranded](Self::stranded) is not.
    pub fn is_complete(&self) -> bool {
        self.unreached.is_empty()
    }

    pub(super) fn add(&mut self, other: Self) {
        self.committed.extend(other.committed);
        self.aborted.extend(other.aborted);
        self.heuristic.extend(other.heuristic);
        self.stranded.extend(other.stranded);
        self.unreached.extend(other.unreached);
    }
}

impl fmt::Display for RecoveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { committed, aborted, heuristic, stranded, unreached } = self;
        write!(f, "{} branches committed, {} rolled back, ", committed.len(), aborted.len())?;
        write!(f, "{} heuristic, {} stranded, ", heuristic.len(), stranded.len())?;
        write!(f, "{} unreached", unreached.len())?;
        unreached.iter().take(3).try_for_each(|one| write!(f, "; {one}"))
    }
}

/// Something that a sweep could not reach.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreached {
    /// The participant's name; absent if it was the decision log.
    pub participant: Option<String>,
    /// The branch that is left as it is; absent if the whole participant could not be listed.
    pub branch: Option<BranchGid>,
    /// Why.
    pub reason: String,
}

impl Unreached {
    pub(super) fn log(error: &LogError) -> Self {
        Self { participant: None, branch: None, reason: error.to_string() }
    }

    /// What names it to whoever is told once while it lasts.
    pub(super) fn place(&self) -> &str {
        self.participant.as_deref().unwrap_or("the decision log")
    }
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(branch) = &self.branch {
            write!(f, "{branch} at ")?;
        }
        write!(f, "{}: {}", self.place(), self.reason)
    }
}

/// A prepared branch that carries this coordinator's id and that it must not end.
///
/// It holds its locks until it is ended by the log that it is of, or by an operator: with
/// `COMMIT PREPARED` or `ROLLBACK PREPARED`, alike at every participant of the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stranded {
    /// The branch.
    pub branch: BranchGid,
    /// Where it is prepared.
    pub participant: String,
    /// Why it is left alone.
    pub why: Why,
}

/// Why a branch is left alone that carries this coordinator's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Why {
    /// It is of another log.
    OtherLog,
    /// It is of an opening of this log that this copy of it does not have.
    OtherOpening,
    /// It carries this opening's own name, and this opening never gave its number out.
    NeverBegun,
    /// The log no longer remembers whether it was committed.
    Expired,
}

impl Why {
    pub(super) const fn of(origin: Origin) -> Option<Self> {
        match origin {
            Origin::Own => None,
            Origin::OtherLog => Some(Self::OtherLog),
            // Asked only when the log is known not to be fenced: then it is of no successor.
            Origin::OtherOpening | Origin::Newer => Some(Self::OtherOpening),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherLog => {
                "of another decision log under this coordinator's id: give each replica an id and a \
                 directory of its own; if its log is lost, resolve the branch by hand"
            }
            Self::OtherOpening => {
                "of an opening that this decision log never saw: it was restored from an older copy; \
                 bring the latest one back, or resolve the branch by hand"
            }
            Self::NeverBegun => {
                "under this opening's name, but this opening never began it: a copy of the decision \
                 log is in use elsewhere; resolve the branch by hand"
            }
            Self::Expired => {
                "too old for the decision log to remember whether it was committed: see how its \
                 other branches ended, and resolve it by hand"
            }
        })
    }
}

impl fmt::Display for Stranded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, prepared at {}, is {}", self.branch, self.participant, self.why)
    }
}
