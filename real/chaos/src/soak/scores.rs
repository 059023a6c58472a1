//! How often each fault has come.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blow {
    /// A server is killed with SIGKILL, and started again.
    ServerKilled,
    /// The coordinator's process is killed with SIGKILL, and started again.
    CoordinatorKilled,
    /// A server is frozen for a while.
    Paused,
    /// All connections to a server are cut at once.
    Cut,
    /// A server cannot be reached for a while.
    Partition,
    /// A statement is not delivered, and its connection is cut.
    CutBefore,
    /// A statement is carried out, and its answer is lost.
    AnswerLost,
    /// A statement and all after it are swallowed for a while.
    Swallowed,
    /// A statement is held, and delivered late.
    Late,
}

impl Blow {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::ServerKilled,
        Self::CoordinatorKilled,
        Self::Paused,
        Self::Cut,
        Self::Partition,
        Self::CutBefore,
        Self::AnswerLost,
        Self::Swallowed,
        Self::Late,
    ];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServerKilled => "servers killed",
            Self::CoordinatorKilled => "coordinators killed",
            Self::Paused => "servers frozen",
            Self::Cut => "all connections cut",
            Self::Partition => "partitions",
            Self::CutBefore => "cut before a statement",
            Self::AnswerLost => "answer lost",
            Self::Swallowed => "swallowed",
            Self::Late => "delivered late",
        }
    }
}

/// Counts of faults that have struck. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Scores(Arc<Mutex<BTreeMap<Blow, u64>>>);

impl Scores {
    pub(super) fn count(&self, blow: Blow) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(blow).or_default() += 1;
    }

    /// How often it has struck.
    pub fn of(&self, blow: Blow) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&blow).copied().unwrap_or(0)
    }

    /// How many kills there were, of either side.
    pub fn kills(&self) -> u64 {
        self.of(Blow::ServerKilled) + self.of(Blow::CoordinatorKilled)
    }

    /// What has never struck.
    pub fn never(&self) -> Vec<Blow> {
        Blow::ALL.into_iter().filter(|blow| self.of(*blow) == 0).collect()
    }
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Blow::ALL.into_iter().enumerate().try_for_each(|(nth, blow)| {
            write!(f, "{}{} {}", if nth == 0 { "" } else { ", " }, self.of(blow), blow.name())
        })
    }
}
