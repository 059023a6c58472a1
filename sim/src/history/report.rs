//! What a coordinator says of what it did: why an outcome is what it is, and what a sweep came to.
//!
//! These are its words, which can be wrong; what is true is in the other events.

use std::fmt;

use indoubt::{AbortReason, BranchGid, Outcome, RecoveryReport};
use serde::{Deserialize, Serialize};

use super::{Place, Tx};

/// Why a transaction is aborted, or in doubt, as its client was told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The client rolled back.
    Requested,
    /// A newer coordinator has the log.
    Fenced,
    /// A branch of this participant was wanted, and there is none.
    Incomplete(u8),
    /// This participant voted no.
    VotedNo(u8),
    /// The vote of this participant did not come.
    VoteLost(u8),
    /// The decision is not in the log, and will not be.
    NotLogged,
    /// It is in doubt, and these participants are named; if none is, the log is what it waits for.
    Doubt(Vec<u8>),
    /// It is in doubt, for the coordinator has no driver.
    Undriven,
    /// One that has no name here.
    Other,
}

impl Reason {
    /// That of an outcome; of a commit there is none.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        let reason = match outcome {
            Outcome::Committed(_) => return None,
            Outcome::InDoubt(doubt) if doubt.reason.contains("driver") => {
                return Some(Self::Undriven);
            }
            Outcome::InDoubt(doubt) => return Some(Self::Doubt(named(&doubt.reason))),
            Outcome::Aborted(aborted) => &aborted.reason,
        };
        let at = |name: &str, reason: fn(u8) -> Self| number_of(name).map_or(Self::Other, reason);
        Some(match reason {
            AbortReason::Requested => Self::Requested,
            AbortReason::Fenced => Self::Fenced,
            AbortReason::NotLogged { .. } => Self::NotLogged,
            AbortReason::Incomplete { participant, .. } => at(participant, Self::Incomplete),
            AbortReason::VotedNo { participant, .. } => at(participant, Self::VotedNo),
            AbortReason::VoteLost { participant, .. } => at(participant, Self::VoteLost),
            _ => Self::Other,
        })
    }
}

/// The participants that a text names, in order.
fn named(text: &str) -> Vec<u8> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let mut named: Vec<u8> = words.filter_map(number_of).collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// A participant's number, by its name.
pub(crate) fn number_of(name: &str) -> Option<u8> {
    match name.parse() {
        Ok(Place::Participant(p)) => Some(p),
        _ => None,
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |p: &u8| Place::Participant(*p);
        match self {
            Self::Requested => f.write_str("the client rolled back"),
            Self::Fenced => f.write_str("fenced"),
            Self::Incomplete(p) => write!(f, "there is no branch of {}", at(p)),
            Self::VotedNo(p) => write!(f, "{} voted no", at(p)),
            Self::VoteLost(p) => write!(f, "the vote of {} did not come", at(p)),
            Self::NotLogged => f.write_str("not logged"),
            Self::Doubt(named) if named.is_empty() => f.write_str("for the log"),
            Self::Doubt(named) => named.iter().enumerate().try_for_each(|(nth, p)| {
                write!(f, "{} {}", if nth == 0 { "for" } else { " and" }, at(p))
            }),
            Self::Undriven => f.write_str("for the driver"),
            Self::Other => f.write_str("for another reason"),
        }
    }
}

/// What a sweep of recovery found and did, as it says.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Swept {
    /// The transactions of the branches that it committed, one for each branch.
    pub committed: Vec<Tx>,
    /// Those of the branches that it rolled back.
    pub rolled_back: Vec<Tx>,
    /// Prepared branches that it must not end.
    pub stranded: Vec<(Tx, u8)>,
    /// What it could not reach.
    pub unreached: Vec<Unreached>,
}

/// What a sweep could not reach, as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Unreached {
    /// The participant; the log, or whatever is owed, if none is named.
    pub p: Option<u8>,
    /// The transaction; all that is there, if none is named.
    pub tx: Option<Tx>,
}

impl Swept {
    /// Whether it says that everything was reached.
    pub const fn is_complete(&self) -> bool {
        self.unreached.is_empty()
    }

    /// Whether it says that there was nothing to do, and that everything was reached.
    pub const fn found_nothing(&self) -> bool {
        self.is_complete() && self.committed.is_empty() && self.rolled_back.is_empty()
    }

    /// Whether it says of a prepared branch that it could not be ended.
    pub fn names(&self, (tx, p): (Tx, u8)) -> bool {
        let is_named = |one: &Unreached| {
            one.p.is_none_or(|at| at == p) && one.tx.is_none_or(|other| other == tx)
        };
        self.stranded.contains(&(tx, p)) || self.unreached.iter().any(is_named)
    }
}

impl From<&RecoveryReport> for Swept {
    fn from(report: &RecoveryReport) -> Self {
        let txs = |gids: &[BranchGid]| gids.iter().map(|branch| Tx::of(&branch.gid)).collect();
        let stranded = report
            .stranded
            .iter()
            .filter_map(|one| Some((Tx::of(&one.branch.gid), number_of(&one.participant)?)));
        let unreached = report.unreached.iter().map(|one| Unreached {
            p: one.participant.as_deref().and_then(number_of),
            tx: one.branch.as_ref().map(|branch| Tx::of(&branch.gid)),
        });
        Self {
            committed: txs(&report.committed),
            rolled_back: txs(&report.aborted),
            stranded: stranded.collect(),
            unreached: unreached.collect(),
        }
    }
}

impl fmt::Display for Swept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { committed, rolled_back, stranded, unreached } = self;
        write!(f, "{} committed, {} rolled back", committed.len(), rolled_back.len())?;
        for (tx, p) in stranded {
            write!(f, ", {tx} stranded at {}", Place::Participant(*p))?;
        }
        for one in unreached {
            match *one {
                Unreached { p: Some(p), tx: Some(tx) } => {
                    write!(f, ", {tx} at {} unreached", Place::Participant(p))?;
                }
                Unreached { p: Some(p), tx: None } => {
                    write!(f, ", {} unreached", Place::Participant(p))?;
                }
                Unreached { p: None, .. } => f.write_str(", the log unreached")?,
            }
        }
        Ok(())
    }
}
