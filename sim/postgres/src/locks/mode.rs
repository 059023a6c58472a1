//! The modes of a lock, and which of them conflict (PostgreSQL manual, table "Conflicting Lock
//! Modes").

use serde::{Deserialize, Serialize};

/// How much a lock keeps others out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Mode {
    AccessShare,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

impl Mode {
    /// The longer words first, as a reader has to try them.
    pub(crate) const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::ShareRowExclusive,
        Self::Share,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    pub(crate) fn conflicts(self, other: Self) -> bool {
        // Each mode from the weakest to the strongest, as a bit.
        const CONFLICTS: [u8; 8] = [
            0b1000_0000,
            0b1100_0000,
            0b1111_0000,
            0b1111_1000,
            0b1110_1100,
            0b1111_1100,
            0b1111_1110,
            0b1111_1111,
        ];
        CONFLICTS[self as usize] & (1 << other as usize) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_mutual_and_those_of_the_manual() {
        for a in Mode::ALL {
            for b in Mode::ALL {
                assert_eq!(a.conflicts(b), b.conflicts(a), "{a:?} {b:?}");
            }
        }
        assert!(!Mode::Share.conflicts(Mode::Share));
        assert!(Mode::Share.conflicts(Mode::RowExclusive));
        assert!(!Mode::RowExclusive.conflicts(Mode::RowExclusive));
        assert!(Mode::ShareUpdateExclusive.conflicts(Mode::ShareUpdateExclusive));
        assert!(!Mode::AccessShare.conflicts(Mode::Exclusive));
    }
}
