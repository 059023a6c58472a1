//! What the log knows, in memory: the unfinished commits, and the latest finished ones.
//!
//! Opening replays the file into it, and afterwards it runs ahead of the file by nothing but
//! forgets. Commits enter it only once they are durable, so that it can always be written out
//! as a fresh snapshot. Absent: I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indoubt::{Commit, CoordinatorId, Entry};

use super::frame;
use super::record::{self, Key, Malformed, Record, Snapshot};

#[derive(Debug)]
pub(super) struct Ledger {
    coordinator: CoordinatorId,
    unfinished: BTreeMap<Key, Arc<Commit>>,
    /// The summed [`record::size`] of those.
    unfinished_bytes: usize,
    finished: BTreeSet<Key>,
    /// The highest finished key that was dropped to keep at most `remembered`.
    horizon: Key,
    remembered: usize,
    /// The latest commits whose force failed, as many as are remembered of finished ones. Of
    /// these it is known that they were never decided, however old they are.
    unwritten: BTreeSet<Key>,
}

impl Ledger {
    /// Of a log in which nothing was ever decided.
    pub(super) fn new(coordinator: CoordinatorId, remembered: usize) -> Self {
        Self {
            coordinator,
            unfinished: BTreeMap::new(),
            unfinished_bytes: 0,
            finished: BTreeSet::new(),
            horizon: Key::default(),
            remembered,
            unwritten: BTreeSet::new(),
        }
    }

    /// What the frames of a file say: a snapshot, then batches. The error comes with the
    /// offset of its frame.
    pub(super) fn replay(
        payloads: &[frame::Payload<'_>],
        remembered: usize,
    ) -> Result<Self, (u64, Malformed)> {
        let (first, batches) = payloads.split_first().expect("a file that holds a frame");
        let snapshot = record::read_snapshot(first.bytes).map_err(|why| (first.offset, why))?;
        let mut ledger = Self::new(snapshot.coordinator, remembered);
        ledger.horizon = snapshot.horizon;
        ledger.finished = snapshot.finished.into_iter().collect();
        for commit in snapshot.unfinished {
            ledger.commit(commit);
        }
        for batch in batches {
            let records = record::read_batch(batch.bytes, &ledger.coordinator)
                .map_err(|why| (batch.offset, why))?;
            for record in records {
                match record {
                    Record::Commit(commit) => ledger.commit(commit),
                    Record::Forget(key) => ledger.forget(key),
                }
            }
        }
        ledger.drop_oldest();
        Ok(ledger)
    }

    pub(super) fn coordinator(&self) -> &CoordinatorId {
        &self.coordinator
    }

    pub(super) fn commit(&mut self, commit: Arc<Commit>) {
        let key = Key::of(&commit.gid);
        self.finished.remove(&key);
        self.unwritten.remove(&key);
        self.unfinished_bytes += record::size(&commit);
        if let Some(old) = self.unfinished.insert(key, commit) {
            self.unfinished_bytes -= record::size(&old);
        }
    }

    pub(super) fn forget(&mut self, key: Key) {
        if let Some(old) = self.unfinished.remove(&key) {
            self.unfinished_bytes -= record::size(&old);
        }
        self.unwritten.remove(&key);
        self.finished.insert(key);
        self.drop_oldest();
    }

    /// A force failed. Unless the decision is durable all the same, and only the look for a
    /// successor failed, the repair of the file leaves it out.
    pub(super) fn force_failed(&mut self, key: Key) {
        if self.unfinished.contains_key(&key) {
            return;
        }
        self.unwritten.insert(key);
        if self.unwritten.len() > self.remembered.max(1) {
            self.unwritten.pop_first();
        }
    }

    pub(super) fn entry(&self, key: Key) -> Entry {
        if let Some(commit) = self.unfinished.get(&key) {
            Entry::Unfinished(Arc::clone(commit))
        } else if self.finished.contains(&key) {
            Entry::Finished
        } else if key <= self.horizon && !self.unwritten.contains(&key) {
            Entry::Expired
        } else {
            Entry::Absent
        }
    }

    pub(super) fn unfinished(&self) -> Vec<Arc<Commit>> {
        self.unfinished.values().cloned().collect()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            coordinator: self.coordinator.clone(),
            horizon: self.horizon,
            finished: self.finished.iter().copied().collect(),
            unfinished: self.unfinished(),
        }
    }

    /// About how many bytes a snapshot takes.
    pub(super) fn bytes(&self) -> u64 {
        (self.unfinished_bytes + self.finished.len() * size_of::<Key>()) as u64
    }

    /// Lowest keys first, so that the horizon hides as few gids as can be.
    fn drop_oldest(&mut self) {
        while self.finished.len() > self.remembered {
            if let Some(oldest) = self.finished.pop_first() {
                self.horizon = self.horizon.max(oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::samples::{coordinator, decision};

    fn key(sequence: u64) -> Key {
        Key { epoch: 1, sequence }
    }

    #[test]
    fn what_is_no_longer_remembered_is_expired_and_not_absent() {
        let mut ledger = Ledger::new(coordinator(), 2);
        ledger.commit(decision(1, 2));
        for sequence in [3, 4, 5] {
            ledger.forget(key(sequence));
        }
        assert_eq!(ledger.entry(key(1)), Entry::Expired);
        assert_eq!(ledger.entry(key(2)), Entry::Unfinished(decision(1, 2)));
        assert_eq!(ledger.entry(key(3)), Entry::Expired);
        assert_eq!(ledger.entry(key(4)), Entry::Finished);
        assert_eq!(ledger.entry(key(6)), Entry::Absent);
        // Finished late, and already too old to be remembered.
        ledger.forget(key(2));
        assert_eq!(ledger.entry(key(2)), Entry::Expired);
        assert_eq!(ledger.entry(key(5)), Entry::Finished);
    }

    #[test]
    fn a_snapshot_replays_to_the_same_answers() {
        let mut ledger = Ledger::new(coordinator(), 2);
        ledger.commit(decision(1, 1));
        ledger.commit(decision(1, 2));
        for sequence in [3, 4, 5, 2] {
            ledger.forget(key(sequence));
        }
        let payload = record::snapshot(&ledger.snapshot());
        let replayed = Ledger::replay(&[frame::Payload { offset: 0, bytes: &payload }], 2).unwrap();
        assert_eq!(replayed.snapshot(), ledger.snapshot());
        assert_eq!(replayed.bytes(), ledger.bytes());
    }
}
