//! How a claim on one transaction is broken, and by which participants.
//!
//! Plain and small: the explorer only asks whether there is one. The `Display` is what follows
//! a transaction's name in the simulator's verdict.

use std::fmt;

use super::known::{Participants, each};

/// What breaks a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the text of each says it; `at` are the participants concerned")]
pub enum Breach {
    Split { committed: Participants, at: Participants },
    DecisionGone,
    OutcomeChanged { at: Participants },
    WithoutYes { at: Participants },
    NotCommitted,
    BeforeDecision { at: Participants },
    ToldCommittedUndecided { at: Participants },
    ToldCommittedNotDone { at: Participants },
    ToldAbortedDecided,
    ToldAbortedDone { at: Participants },
    ToldBoth,
    PendingUnsaid { at: Participants },
    StillInDoubt,
    ForgottenEarly { at: Participants },
    FalseAlarm { at: Participants },
    HeuristicUnsaid { at: Participants },
    HeuristicSwallowed { at: Participants },
    StillThere { at: Participants },
    StillOwed,
}

/// A claim holds, or this breaks it.
pub type Judged = Result<(), Breach>;

/// A set of participants as people write one.
struct Listed(Participants);

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        each(self.0).enumerate().try_for_each(|(nth, p)| {
            write!(f, "{}participant-{p}", if nth == 0 { "" } else { " and " })
        })
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Split { committed: 0, at } => {
                write!(f, "was decided to commit, and did not at {}", Listed(at))
            }
            Self::Split { committed, at } => {
                write!(f, "committed at {}, and did not at {}", Listed(committed), Listed(at))
            }
            Self::DecisionGone => f.write_str("was decided to commit, and is so no longer"),
            Self::OutcomeChanged { at } => write!(f, "changed its outcome at {}", Listed(at)),
            Self::WithoutYes { at } => write!(f, "was committed without a yes from {}", Listed(at)),
            Self::NotCommitted => f.write_str(
                "was not answered as committed, although nothing failed and nobody voted no",
            ),
            Self::BeforeDecision { at } => {
                write!(f, "committed at {} before its decision was durable", Listed(at))
            }
            Self::ToldCommittedUndecided { at } => write!(
                f,
                "was told to be committed when it was not decided, nor committed at {}",
                Listed(at)
            ),
            Self::ToldCommittedNotDone { at } => {
                write!(f, "was told to be committed, and did not commit at {}", Listed(at))
            }
            Self::ToldAbortedDecided => {
                f.write_str("was told to be aborted, and is decided to commit, or may still be")
            }
            Self::ToldAbortedDone { at } => {
                write!(f, "was told to be aborted, and committed at {}", Listed(at))
            }
            Self::ToldBoth => f.write_str("was told to be committed as well as aborted"),
            Self::PendingUnsaid { at } => {
                write!(f, "was answered as committed without naming {} as pending", Listed(at))
            }
            Self::StillInDoubt => f.write_str("is still in doubt for those who ask by gid"),
            Self::ForgottenEarly { at } => {
                write!(f, "was forgotten before it had finished at {}", Listed(at))
            }
            Self::FalseAlarm { at } => {
                write!(f, "was reported as ended by someone else at {}, and was not", Listed(at))
            }
            Self::HeuristicUnsaid { at } => write!(
                f,
                "was answered as committed without naming the heuristic ending at {}",
                Listed(at)
            ),
            Self::HeuristicSwallowed { at } => {
                write!(f, "was rolled back by an operator at {}, and nobody was told", Listed(at))
            }
            Self::StillThere { at } => write!(f, "is still prepared, or open, at {}", Listed(at)),
            Self::StillOwed => f.write_str("is still owed by the log"),
        }
    }
}
