//! Finished commits as ranges of consecutive sequences.
//!
//! Commits mostly follow each other, and what lies between two ranges was aborted. So a few
//! thousand ranges tell exactly of millions of transactions whether they were committed, which is
//! what lets a branch that is found prepared long after be rolled back without presuming.

use std::collections::BTreeMap;

use super::key::Key;

/// A set of keys: the first of each range, and the last sequence in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges(BTreeMap<Key, u64>);

/// One range of one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: Key,
    /// The sequence of its last.
    pub(super) last: u64,
}

impl Ranges {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Range> {
        self.0.iter().map(|(first, last)| Range { first: *first, last: *last })
    }

    pub(super) fn contains(&self, key: Key) -> bool {
        self.around(key).is_some_and(|range| range.last >= key.sequence)
    }

    /// The range of this epoch that begins at the key or closest below it.
    fn around(&self, key: Key) -> Option<Range> {
        let (first, last) = self.0.range(..=key).next_back()?;
        (first.epoch == key.epoch).then_some(Range { first: *first, last: *last })
    }

    pub(super) fn insert(&mut self, key: Key) {
        let before = self.around(key);
        if before.is_some_and(|range| range.last >= key.sequence) {
            return;
        }
        let after = key.sequence.checked_add(1).map(|sequence| Key { sequence, ..key });
        let last = after.and_then(|after| self.0.remove(&after)).unwrap_or(key.sequence);
        let joins = before.filter(|range| range.last.checked_add(1) == Some(key.sequence));
        let first = joins.map_or(key, |range| range.first);
        self.0.insert(first, last);
    }

    pub(super) fn remove(&mut self, key: Key) {
        let Some(range) = self.around(key).filter(|range| range.last >= key.sequence) else {
            return;
        };
        self.0.remove(&range.first);
        if range.first.sequence < key.sequence {
            self.0.insert(range.first, key.sequence - 1);
        }
        if key.sequence < range.last {
            self.0.insert(Key { sequence: key.sequence + 1, ..key }, range.last);
        }
    }

    /// Adds a range that touches no other, as a snapshot has them.
    pub(super) fn push(&mut self, range: Range) {
        self.0.insert(range.first, range.last);
    }

    /// Removes the lowest range if all of it is up to this key, and tells its last.
    pub(super) fn pop_first_within(&mut self, up_to: Key) -> Option<Key> {
        let lowest = self.0.first_entry()?;
        let last = Key { sequence: *lowest.get(), ..*lowest.key() };
        (last <= up_to).then(|| lowest.remove())?;
        Some(last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_are_the_set_that_they_stand_for(
            steps in prop::collection::vec((any::<bool>(), 1u64..3, 0u64..24), 0..80)
        ) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for (adds, epoch, sequence) in steps {
                let key = Key { epoch, sequence };
                if adds {
                    ranges.insert(key);
                    set.insert(key);
                } else {
                    ranges.remove(key);
                    set.remove(&key);
                }
                for epoch in 1..3 {
                    for sequence in 0..25 {
                        let key = Key { epoch, sequence };
                        prop_assert_eq!(ranges.contains(key), set.contains(&key));
                    }
                }
                let begins = |key: &&Key| {
                    key.sequence == 0 || !set.contains(&Key { sequence: key.sequence - 1, ..**key })
                };
                prop_assert_eq!(ranges.len(), set.iter().filter(begins).count());
            }
        }
    }
}
