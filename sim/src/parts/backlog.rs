//! What the clients of a run have left to do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use indoubt::Gid;

use crate::history::{Place, Tx};
use crate::lock::lock;

/// The transactions of a run: those that nobody has begun yet, and those that were asked to commit.
/// Clones share them. Work is taken by whichever client, of whichever process, comes first.
#[derive(Clone, Default)]
pub struct Backlog {
    inner: Arc<Mutex<Work>>,
}

#[derive(Default)]
struct Work {
    begun: u32,
    /// Transactions that were asked to commit.
    asked: BTreeSet<Gid>,
    /// Those that a client is at work on, and where that runs.
    under_way: BTreeMap<u32, Place>,
}

impl Backlog {
    /// The next transaction's number, if there is one, for a client of this process.
    pub fn take(&self, of: u32, by: Place) -> Option<u32> {
        let mut work = self.work();
        (work.begun < of).then(|| {
            work.begun += 1;
            let number = work.begun - 1;
            work.under_way.insert(number, by);
            number
        })
    }

    /// One that was taken is done when this is dropped. Of a client that was killed it says nothing:
    /// a task may go on to its next await when it has brought about its own end.
    pub fn under_way(&self, number: u32) -> UnderWay<'_> {
        UnderWay { backlog: self, number }
    }

    /// The clients of this process were killed, with what they were at.
    pub fn crashed(&self, place: Place) {
        self.work().under_way.retain(|_, by| *by != place);
    }

    /// Whether all transactions have been begun and no client is at work.
    pub fn is_empty(&self, of: u32) -> bool {
        let work = self.work();
        work.begun == of && work.under_way.is_empty()
    }

    /// No client begins any more of these transactions.
    pub fn begin_none(&self, of: u32) {
        self.work().begun = of;
    }

    /// A transaction is asked to commit.
    pub fn ask(&self, gid: &Gid) {
        self.work().asked.insert(gid.clone());
    }

    /// Nobody will ask for these transactions by gid.
    pub fn ask_for_none(&self, of: impl Fn(&Tx) -> bool) {
        self.work().asked.retain(|gid| !of(&Tx::of(gid)));
    }

    /// Transactions that were asked to commit, in order.
    pub fn asked(&self) -> Vec<Gid> {
        self.work().asked.iter().cloned().collect()
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        lock(&self.inner)
    }
}

/// A transaction that a client is at work on.
pub struct UnderWay<'a> {
    backlog: &'a Backlog,
    number: u32,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.backlog.work().under_way.remove(&self.number);
    }
}
