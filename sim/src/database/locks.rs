//! Row locks: who has them, and who waits for them, first come first served.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use futures::channel::oneshot;

use super::wire::Xid;
use crate::history::Tx;
use crate::parts::LockWaits;

/// The row locks of one life of a participant.
#[derive(Debug, Default)]
pub(super) struct Locks {
    p: u8,
    seen: LockWaits,
    rows: BTreeMap<u64, Xid>,
    /// Behind rows that are locked; never empty.
    queues: BTreeMap<u64, VecDeque<Waiter>>,
}

#[derive(Debug)]
struct Waiter {
    xid: Xid,
    tx: Tx,
    granted: oneshot::Sender<()>,
}

impl Locks {
    pub(super) fn new(p: u8, seen: LockWaits) -> Self {
        let (rows, queues) = (BTreeMap::new(), BTreeMap::new());
        Self { p, seen, rows, queues }
    }

    /// How many rows are locked.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the row is its own now: nobody had it, or it did already. Else, whose it is.
    pub(super) fn take(&mut self, key: u64, xid: Xid) -> Result<(), Xid> {
        let holder = *self.rows.entry(key).or_insert(xid);
        if holder == xid { Ok(()) } else { Err(holder) }
    }

    /// Waits for a row that another one has; this is its transaction, if that is known.
    /// Resolves when the row is its own, or the wait has ended.
    pub(super) fn wait(
        &mut self,
        key: u64,
        (xid, tx): (Xid, Tx),
        holder: Option<Tx>,
    ) -> oneshot::Receiver<()> {
        let (granted, wait) = oneshot::channel();
        self.queues.entry(key).or_default().push_back(Waiter { xid, tx, granted });
        self.seen.begins(self.p, tx, holder);
        wait
    }

    /// It waits no more. False if it did not, for it has the row.
    pub(super) fn leave(&mut self, xid: Xid) -> bool {
        let (p, seen, mut left) = (self.p, &self.seen, false);
        self.queues.retain(|_, queue| {
            queue.retain(|waiter| {
                let leaves = waiter.xid == xid;
                if leaves {
                    left = true;
                    seen.ends(p, waiter.tx);
                }
                !leaves
            });
            !queue.is_empty()
        });
        left
    }

    /// It has waited for too long. False if it has the row by now.
    pub(super) fn time_out(&mut self, xid: Xid) -> bool {
        let too_long = self.leave(xid);
        if too_long {
            self.seen.times_out();
        }
        too_long
    }

    /// It gives the row up, if it has it. Whose it is now, if somebody waited.
    pub(super) fn free(&mut self, key: u64, xid: Xid) -> Option<Xid> {
        let Entry::Occupied(row) = self.rows.entry(key) else { return None };
        if *row.get() != xid {
            return None;
        }
        row.remove();
        let queue = self.queues.get_mut(&key)?;
        let next = queue.pop_front()?;
        self.seen.ends(self.p, next.tx);
        for waiter in queue.iter() {
            self.seen.goes_on(self.p, waiter.tx, next.tx);
        }
        if queue.is_empty() {
            self.queues.remove(&key);
        }
        self.rows.insert(key, next.xid);
        // Whoever has stopped listening has it all the same, until its session ends.
        let _listens = next.granted.send(());
        Some(next.xid)
    }
}

impl Drop for Locks {
    /// A life ends, and all waits with it.
    fn drop(&mut self) {
        self.seen.forget(self.p);
    }
}
