//! What happens around a service of one's own, in its own words.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Place;

/// Something that a service does, or that is found out about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum ServiceEvent {
    /// A participant is up, and serves this database.
    Serves {
        /// The participant.
        p: u8,
        /// Its database.
        database: String,
    },
    /// The service begins: for the first time, or again after a crash.
    Begins {
        /// Where it runs.
        by: Place,
    },
    /// It says something of its own accord.
    Says {
        /// Where it runs.
        by: Place,
        /// What it says.
        line: String,
    },
    /// It has returned, and does not begin again.
    Returns {
        /// Where it ran.
        by: Place,
        /// What it returned, if that is an error.
        error: Option<String>,
    },
    /// A transaction of one database has durably committed, by a plain `COMMIT`.
    Commits {
        /// The participant.
        p: u8,
        /// Its database.
        database: String,
    },
    /// At the end, what a database has come to: its log, which is another one if what was written is.
    EndsWith {
        /// The participant.
        p: u8,
        /// Its database.
        database: String,
        /// How many bytes of log there are.
        bytes: u64,
        /// A hash over them.
        hash: u64,
    },
    /// At rest, what is claimed of the databases was looked into.
    LooksInto {
        /// The name of the claim.
        claim: String,
        /// What breaks it, if something does.
        broken: Option<String>,
    },
}

impl fmt::Display for ServiceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serves { p, database } => {
                write!(f, "{} serves {database}", Place::Participant(*p))
            }
            Self::Begins { by } => write!(f, "the service begins at {by}"),
            Self::Says { line, .. } => write!(f, "the service says: {line}"),
            Self::Returns { error: None, .. } => f.write_str("the service has returned"),
            Self::Returns { error: Some(error), .. } => {
                write!(f, "the service has returned an error: {error}")
            }
            Self::Commits { p, database } => {
                write!(f, "{database} has durably committed, at {}", Place::Participant(*p))
            }
            Self::EndsWith { database, bytes, hash, .. } => {
                write!(f, "{database} ends with a log of {bytes} bytes, {hash:016x}")
            }
            Self::LooksInto { claim, broken: None } => write!(f, "{claim} holds"),
            Self::LooksInto { claim, broken: Some(broken) } => {
                write!(f, "{claim} is BROKEN: {broken}")
            }
        }
    }
}
