//! The rows of a table, as versions.
//!
//! An update leaves the old version where it is, marks it as ended by its transaction, and links
//! it to the new one; who may see which is a matter of snapshots (PostgreSQL manual,
//! "Concurrency Control"). Locks of rows are kept in the version, as there, and those that ended
//! are swept out when somebody comes by. Absent: pages, and a vacuum of its own: dead versions
//! go when nobody can see them any more and their table is changed.

mod snapshot;
mod tuple;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use snapshot::{Clog, Snapshot, Status, View};
pub(crate) use tuple::{Holder, RowLock, Tuple};

use crate::value::{Row, Value};

/// The versions of the rows of one table.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    pub(crate) tuples: BTreeMap<u64, Tuple>,
    next: u64,
    indexes: Vec<Index>,
    /// Versions that were ended by a transaction that has committed, with it.
    dead: Vec<(u64, u64)>,
}

/// A unique index: every version by its key. Keys with a null in them are not kept.
#[derive(Debug)]
struct Index {
    columns: Vec<usize>,
    entries: BTreeMap<Vec<Value>, BTreeSet<u64>>,
}

impl Heap {
    /// Which columns are to have indexes; built anew if that changes.
    pub(crate) fn index(&mut self, uniques: &[Vec<usize>]) {
        if self.indexes.iter().map(|index| &index.columns).eq(uniques) {
            return;
        }
        self.indexes = uniques
            .iter()
            .map(|columns| Index { columns: columns.clone(), entries: BTreeMap::new() })
            .collect();
        for index in &mut self.indexes {
            for (tid, tuple) in &self.tuples {
                index.insert(*tid, &tuple.row);
            }
        }
    }

    /// Where the next version will be.
    pub(crate) fn next_tid(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn insert(&mut self, tid: u64, tuple: Tuple) {
        self.next = self.next.max(tid);
        for index in &mut self.indexes {
            index.insert(tid, &tuple.row);
        }
        self.tuples.insert(tid, tuple);
    }

    pub(crate) fn remove(&mut self, tid: u64) {
        if let Some(tuple) = self.tuples.remove(&tid) {
            for index in &mut self.indexes {
                index.remove(tid, &tuple.row);
            }
        }
    }

    /// All versions that have a key in one of the indexes.
    pub(crate) fn with_key(&self, index: usize, key: &[Value]) -> Vec<u64> {
        let Some(index) = self.indexes.get(index) else { return Vec::new() };
        index.entries.get(key).map(|tids| tids.iter().copied().collect()).unwrap_or_default()
    }

    /// The index whose columns are all among these.
    pub(crate) fn index_within(&self, columns: &BTreeSet<usize>) -> Option<(usize, &[usize])> {
        let covered = |index: &&Index| index.columns.iter().all(|column| columns.contains(column));
        let at = self.indexes.iter().position(|index| covered(&index))?;
        Some((at, &self.indexes[at].columns))
    }

    pub(crate) fn died(&mut self, tid: u64, by: u64) {
        self.dead.push((tid, by));
    }

    /// Removes versions that were ended before the oldest transaction that anybody looks at.
    pub(crate) fn prune(&mut self, horizon: u64) {
        const WORTH_IT: usize = 32;
        if self.dead.len() < WORTH_IT {
            return;
        }
        let (gone, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.dead).into_iter().partition(|(_, by)| *by < horizon);
        self.dead = kept;
        for (tid, _) in gone {
            self.remove(tid);
        }
    }
}

impl Index {
    fn insert(&mut self, tid: u64, row: &Row) {
        if let Some(key) = key(row, &self.columns) {
            self.entries.entry(key).or_default().insert(tid);
        }
    }

    fn remove(&mut self, tid: u64, row: &Row) {
        let Some(key) = key(row, &self.columns) else { return };
        if let Some(tids) = self.entries.get_mut(&key) {
            tids.remove(&tid);
            if tids.is_empty() {
                self.entries.remove(&key);
            }
        }
    }
}

/// The key of a row; nothing if a part of it is null, which is like no other.
pub(crate) fn key(row: &Row, columns: &[usize]) -> Option<Vec<Value>> {
    let key: Vec<_> = columns.iter().map(|column| row[*column].clone()).collect();
    (!key.iter().any(Value::is_null)).then_some(key)
}
