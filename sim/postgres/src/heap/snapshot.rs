//! Which transactions had committed at a moment, and so which versions of rows are seen.

use std::collections::{BTreeMap, BTreeSet};

use super::Tuple;

/// How transactions ended (`pg_xact`). One that is in none of the states has not, or was lost in
/// a crash.
#[derive(Debug, Default)]
pub(crate) struct Clog {
    ended: BTreeMap<u64, Status>,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Committed,
    Aborted,
}

impl Clog {
    pub(crate) fn set(&mut self, xid: u64, status: Status) {
        self.ended.insert(xid, status);
    }

    pub(crate) fn get(&self, xid: u64) -> Option<Status> {
        self.ended.get(&xid).copied()
    }

    pub(crate) fn committed(&self, xid: u64) -> bool {
        self.get(xid) == Some(Status::Committed)
    }
}

/// A moment: whoever was running then, or began later, had not committed.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The first transaction id that was not given out yet.
    pub(crate) xmax: u64,
    pub(crate) running: BTreeSet<u64>,
}

impl Snapshot {
    /// The oldest transaction that it does not see for sure.
    pub(crate) fn xmin(&self) -> u64 {
        self.running.first().copied().unwrap_or(self.xmax)
    }

    fn sees(&self, xid: u64, clog: &Clog) -> bool {
        xid < self.xmax && !self.running.contains(&xid) && clog.committed(xid)
    }
}

/// What one command of one transaction looks through.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) snapshot: &'a Snapshot,
    /// The transaction's own ids, without those that were rolled back.
    pub(crate) mine: &'a BTreeSet<u64>,
    /// What the transaction's own commands before this one did is seen.
    pub(crate) cid: u32,
    pub(crate) clog: &'a Clog,
}

impl View<'_> {
    pub(crate) fn sees(&self, tuple: &Tuple) -> bool {
        let inserted = if self.mine.contains(&tuple.xmin) {
            tuple.cmin < self.cid
        } else {
            self.snapshot.sees(tuple.xmin, self.clog)
        };
        inserted
            && !tuple.holders.iter().any(|holder| match holder.ended {
                Some(at) if self.mine.contains(&holder.xid) => at < self.cid,
                Some(_) => self.snapshot.sees(holder.xid, self.clog),
                None => false,
            })
    }
}
