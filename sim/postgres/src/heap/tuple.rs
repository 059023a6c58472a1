//! One version of a row, and who has locked it.

use serde::{Deserialize, Serialize};

use super::Clog;
use crate::value::Row;

/// How much the lock of a row keeps others out (PostgreSQL manual, "Row-Level Locks").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum RowLock {
    KeyShare,
    Share,
    NoKeyUpdate,
    Update,
}

/// A version of a row.
#[derive(Clone, Debug)]
pub(crate) struct Tuple {
    /// The transaction that inserted it, and at which of its commands.
    pub(crate) xmin: u64,
    pub(crate) cmin: u32,
    pub(crate) row: Row,
    /// Who has locked it, ended it, or tried to; also some that are over.
    pub(crate) holders: Vec<Holder>,
    /// The version that took its place, if it was updated.
    pub(crate) next: Option<u64>,
}

/// A transaction that has locked a version, or ended it.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) xid: u64,
    pub(crate) strength: RowLock,
    /// It was updated or deleted, at this of the transaction's commands.
    pub(crate) ended: Option<u32>,
}

impl RowLock {
    pub(crate) fn conflicts(self, other: Self) -> bool {
        match self.min(other) {
            Self::KeyShare => self.max(other) == Self::Update,
            Self::Share => self.max(other) >= Self::NoKeyUpdate,
            Self::NoKeyUpdate | Self::Update => true,
        }
    }
}

impl Tuple {
    pub(crate) fn new(xmin: u64, cmin: u32, row: Row) -> Self {
        Self { xmin, cmin, row, holders: Vec::new(), next: None }
    }

    pub(crate) fn hold(&mut self, holder: Holder) {
        let mine = |held: &&mut Holder| held.xid == holder.xid && held.ended.is_none();
        match self.holders.iter_mut().find(mine) {
            Some(held) if holder.ended.is_none() => {
                held.strength = held.strength.max(holder.strength);
            }
            _ => self.holders.push(holder),
        }
    }

    /// Drops the marks of transactions that have rolled back, and the locks of all that are over.
    pub(crate) fn sweep(&mut self, clog: &Clog, is_running: impl Fn(u64) -> bool) {
        self.holders.retain(|holder| {
            is_running(holder.xid) || (holder.ended.is_some() && clog.committed(holder.xid))
        });
    }

    /// The transaction that has ended it or is about to.
    pub(crate) fn ender(&self) -> Option<&Holder> {
        self.holders.iter().find(|holder| holder.ended.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::RowLock::{KeyShare, NoKeyUpdate, Share, Update};

    #[test]
    fn row_locks_conflict_as_in_the_manual() {
        let all = [KeyShare, Share, NoKeyUpdate, Update];
        let conflicts = |a: super::RowLock| all.map(|b| a.conflicts(b));
        assert_eq!(conflicts(KeyShare), [false, false, false, true]);
        assert_eq!(conflicts(Share), [false, false, true, true]);
        assert_eq!(conflicts(NoKeyUpdate), [false, true, true, true]);
        assert_eq!(conflicts(Update), [true, true, true, true]);
    }
}
