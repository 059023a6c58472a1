//! The columns of a picture.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::history::Place;

/// A column: whoever acts, or is acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// All clients.
    Clients,
    /// A coordinator process.
    Coordinator(u8),
    /// The decision log that the coordinators share.
    Log,
    /// A participant.
    Participant(u8),
}

impl Lane {
    /// The column of a place.
    pub const fn of(place: Place) -> Self {
        match place {
            Place::Coordinator(index) => Self::Coordinator(index),
            Place::Participant(index) => Self::Participant(index),
        }
    }

    /// From left to right: the log is beside the first coordinator, between it and the second.
    const fn rank(self) -> (u8, u8) {
        match self {
            Self::Clients => (0, 0),
            Self::Coordinator(0) => (1, 0),
            Self::Log => (2, 0),
            Self::Coordinator(index) => (3, index),
            Self::Participant(index) => (4, index),
        }
    }
}

impl PartialOrd for Lane {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Lane {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clients => f.write_str("clients"),
            Self::Log => f.write_str("log"),
            Self::Coordinator(index) => write!(f, "{}", Place::Coordinator(*index)),
            Self::Participant(index) => write!(f, "{}", Place::Participant(*index)),
        }
    }
}

impl Serialize for Lane {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
