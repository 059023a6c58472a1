//! What the log knows, in memory: the unfinished commits, and the finished ones.
//!
//! Opening replays the file into it, and afterwards it runs ahead of the file by nothing but
//! forgets. Commits enter it only once they are durable, so that it can always be written out
//! as a fresh snapshot. Absent: I/O.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use indoubt::{Commit, CoordinatorId, Entry};

use super::frame;
use super::key::Key;
use super::lineages::Lineages;
use super::options::Options;
use super::ranges::{Range, Ranges};
use super::record::{self, Malformed, Record, Snapshot};

#[derive(Debug)]
pub(super) struct Ledger {
    coordinator: CoordinatorId,
    pub(super) lineages: Lineages,
    unfinished: BTreeMap<Key, Arc<Commit>>,
    /// The summed [`record::size`] of those.
    unfinished_bytes: usize,
    /// The latest finished ones, in the order in which they finished: so what outlived others
    /// is remembered as long as they are.
    latest: VecDeque<Key>,
    /// The same, to be looked up.
    finished: BTreeSet<Key>,
    /// The finished ones before those.
    settled: Ranges,
    /// The highest settled key that was dropped to keep no more ranges than may be.
    horizon: Key,
    /// No branch of what is up to this one can be found prepared any more, unless it comes back. Not
    /// in the file: after an opening a sweep has to tell it again.
    ended: Key,
    remembered: usize,
    ranges: usize,
    /// The latest commits whose force failed, as many as are remembered of finished ones. Of
    /// these it is known that they were never decided, however old they are.
    unwritten: BTreeSet<Key>,
}

impl Ledger {
    /// Of a log in which nothing was ever decided.
    pub(super) fn new(coordinator: CoordinatorId, lineages: Lineages, options: &Options) -> Self {
        Self {
            coordinator,
            lineages,
            unfinished: BTreeMap::new(),
            unfinished_bytes: 0,
            latest: VecDeque::new(),
            finished: BTreeSet::new(),
            settled: Ranges::default(),
            horizon: Key::default(),
            ended: Key::default(),
            remembered: options.remembered,
            ranges: options.ranges,
            unwritten: BTreeSet::new(),
        }
    }

    /// What the frames of a file say: a snapshot, then batches. The error comes with the
    /// offset of its frame.
    pub(super) fn replay(
        payloads: &[frame::Payload<'_>],
        options: &Options,
    ) -> Result<Self, (u64, Malformed)> {
        let (first, batches) = payloads.split_first().expect("a file that holds a frame");
        let snapshot = record::read_snapshot(first.bytes).map_err(|why| (first.offset, why))?;
        let mut ledger = Self::new(snapshot.coordinator, snapshot.lineages, options);
        ledger.horizon = snapshot.horizon;
        ledger.finished = snapshot.finished.iter().copied().collect();
        ledger.latest = snapshot.finished.into();
        snapshot.settled.into_iter().for_each(|range| ledger.settled.push(range));
        for commit in snapshot.unfinished {
            ledger.commit(commit);
        }
        for batch in batches {
            let records = record::read_batch(batch.bytes, &ledger.coordinator, &ledger.lineages)
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
        if self.finished.remove(&key) {
            self.latest.retain(|finished| *finished != key);
        }
        self.settled.remove(key);
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
        if !self.settled.contains(key) && self.finished.insert(key) {
            self.latest.push_back(key);
        }
        self.drop_oldest();
    }

    /// Whatever is up to here has ended, and may be let go of.
    pub(super) fn has_ended(&mut self, up_to: Key) {
        self.ended = self.ended.max(up_to);
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
        } else if self.finished.contains(&key) || self.settled.contains(key) {
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
            lineages: self.lineages.clone(),
            horizon: self.horizon,
            finished: self.latest.iter().copied().collect(),
            settled: self.settled.iter().collect(),
            unfinished: self.unfinished(),
        }
    }

    /// About how many bytes a snapshot takes.
    pub(super) fn bytes(&self) -> u64 {
        let finished = self.latest.len() * size_of::<Key>();
        let settled = self.settled.len() * size_of::<Range>();
        (self.unfinished_bytes + finished + settled + self.lineages.openings.len() * 12) as u64
    }

    /// The first to have finished are settled; of those the lowest are dropped, so that the
    /// horizon hides as few gids as can be. And none that may still be found prepared: to be left
    /// alone as expired it would only have to be out of reach for long.
    fn drop_oldest(&mut self) {
        while self.latest.len() > self.remembered {
            let Some(first) = self.latest.pop_front() else { break };
            self.finished.remove(&first);
            self.settled.insert(first);
        }
        while self.settled.len() > self.ranges
            && let Some(last) = self.settled.pop_first_within(self.ended)
        {
            self.horizon = self.horizon.max(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::samples::{coordinator, decision, lineages};

    fn key(sequence: u64) -> Key {
        Key { epoch: 1, sequence }
    }

    fn ledger(remembered: usize, ranges: usize) -> Ledger {
        let options = Options { remembered, ranges, ..Options::default() };
        let mut ledger = Ledger::new(coordinator(), lineages(), &options);
        ledger.has_ended(key(u64::MAX));
        ledger
    }

    #[test]
    fn what_may_still_be_prepared_somewhere_never_expires() {
        let options = Options { remembered: 1, ranges: 0, ..Options::default() };
        let mut ledger = Ledger::new(coordinator(), lineages(), &options);
        for sequence in (2..100).step_by(2) {
            ledger.forget(key(sequence));
        }
        assert_eq!(ledger.entry(key(1)), Entry::Absent);
        assert_eq!(ledger.entry(key(51)), Entry::Absent);
        assert_eq!(ledger.entry(key(2)), Entry::Finished);
        ledger.has_ended(key(50));
        assert_eq!(ledger.entry(key(1)), Entry::Expired);
        assert_eq!(ledger.entry(key(49)), Entry::Expired);
        assert_eq!(ledger.entry(key(51)), Entry::Absent);
    }

    #[test]
    fn what_is_no_longer_remembered_is_expired_and_not_absent() {
        let mut ledger = ledger(2, 0);
        ledger.commit(decision(1, 2));
        for sequence in [3, 4, 5] {
            ledger.forget(key(sequence));
        }
        assert_eq!(ledger.entry(key(1)), Entry::Expired);
        assert_eq!(ledger.entry(key(2)), Entry::Unfinished(decision(1, 2)));
        assert_eq!(ledger.entry(key(3)), Entry::Expired);
        assert_eq!(ledger.entry(key(4)), Entry::Finished);
        assert_eq!(ledger.entry(key(6)), Entry::Absent);
    }

    #[test]
    fn what_outlived_others_is_remembered_as_long_as_they_are() {
        let mut ledger = ledger(2, 0);
        ledger.commit(decision(1, 1));
        for sequence in [3, 4, 5] {
            ledger.forget(key(sequence));
        }
        ledger.forget(key(1));
        assert_eq!(ledger.entry(key(1)), Entry::Finished);
        ledger.forget(key(6));
        assert_eq!(ledger.entry(key(1)), Entry::Finished);
        ledger.forget(key(7));
        assert_eq!(ledger.entry(key(1)), Entry::Expired);
    }

    #[test]
    fn an_abort_among_a_million_commits_is_absent_and_every_commit_finished() {
        let mut ledger = ledger(16, 2);
        for sequence in (1..=1_000_000).filter(|sequence| *sequence != 500_000) {
            ledger.forget(key(sequence));
        }
        assert_eq!(ledger.entry(key(500_000)), Entry::Absent);
        assert_eq!(ledger.entry(key(1)), Entry::Finished);
        assert_eq!(ledger.entry(key(999_999)), Entry::Finished);
        assert!(ledger.bytes() < 1_000, "{} bytes", ledger.bytes());
    }

    #[test]
    fn a_snapshot_replays_to_the_same_answers() {
        let options = Options { remembered: 2, ranges: 1, ..Options::default() };
        let mut ledger = ledger(2, 1);
        ledger.commit(decision(1, 1));
        ledger.commit(decision(1, 2));
        for sequence in [3, 4, 5, 2, 9, 7] {
            ledger.forget(key(sequence));
        }
        let payload = record::snapshot(&ledger.snapshot());
        let payloads = [frame::Payload { offset: 0, bytes: &payload }];
        let mut replayed = Ledger::replay(&payloads, &options).unwrap();
        assert_eq!(replayed.snapshot(), ledger.snapshot());
        replayed.has_ended(key(u64::MAX));
        assert_eq!(replayed.snapshot(), ledger.snapshot());
        assert_eq!(replayed.bytes(), ledger.bytes());
    }
}
