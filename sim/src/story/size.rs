//! How large a system is explored, and with how many faults.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many participants an exploration can have.
pub const MAX_PARTICIPANTS: usize = 3;
/// How many transactions.
pub const MAX_TRANSACTIONS: usize = 2;
/// How many coordinators.
pub const MAX_COORDINATORS: usize = 2;
/// The largest budget of faults: every crash takes an epoch, and a state has 4 bits for one.
pub const MAX_FAULTS: u8 = 12;

/// Transactions x participants x coordinators, and a budget of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Size {
    /// Transactions, each with a branch at every participant.
    pub transactions: u8,
    /// Participants.
    pub participants: u8,
    /// Coordinators that share one log. The first is up; another takes over when it likes.
    pub coordinators: u8,
    /// Faults in one run.
    pub faults: u8,
}

/// A system that cannot be explored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be from {least} to {most}, not {given}")]
pub struct OutOfRange {
    what: &'static str,
    least: usize,
    most: usize,
    given: u8,
}

impl Size {
    /// A size.
    pub const fn new(transactions: u8, participants: u8, coordinators: u8, faults: u8) -> Self {
        Self { transactions, participants, coordinators, faults }
    }

    pub(crate) fn check(self) -> Result<(), OutOfRange> {
        let range = |what, least, most, given| {
            if (least..=most).contains(&usize::from(given)) {
                Ok(())
            } else {
                Err(OutOfRange { what, least, most, given })
            }
        };
        range("transactions", 1, MAX_TRANSACTIONS, self.transactions)?;
        range("participants", 1, MAX_PARTICIPANTS, self.participants)?;
        range("coordinators", 1, MAX_COORDINATORS, self.coordinators)?;
        range("faults", 0, usize::from(MAX_FAULTS), self.faults)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transactions, participants, coordinators, faults } = self;
        write!(f, "{transactions}x{participants}x{coordinators}, {faults} faults")
    }
}
