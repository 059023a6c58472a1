//! How long half of a transaction is in view: what read atomicity would promise, measured, since
//! it is not promised.
//!
//! A reader that looks at every participant sees half of a transaction from its first branch's
//! durable commit to its last's. Absent: readers. No run has one, for what they would see follows
//! from these two moments.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::history::{Event, History, Tx};

/// How long they were in view, in powers of two of a microsecond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halves {
    /// At `n`, those of less than `2^n` microseconds, and no less than half of that.
    counts: [u64; Self::POWERS],
    longest_us: u64,
}

impl Halves {
    const POWERS: usize = 65;

    /// Adds what a run shows: each transaction that committed at two participants or more.
    pub fn add(&mut self, history: &History) {
        let mut views: BTreeMap<Tx, (u64, Option<u64>)> = BTreeMap::new();
        for entry in history.entries() {
            if let Event::Ended { tx, committed: true, .. }
            | Event::OperatorEnded { tx, committed: true, .. } = entry.event
            {
                let first = views.entry(tx);
                first
                    .and_modify(|(_, last)| *last = Some(entry.at_us))
                    .or_insert((entry.at_us, None));
            }
        }
        let views =
            views.values().filter_map(|(first, last)| Some((*last)?.saturating_sub(*first)));
        for us in views {
            self.counts[(u64::BITS - us.leading_zeros()) as usize] += 1;
            self.longest_us = self.longest_us.max(us);
        }
    }

    /// Adds what other runs showed.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
        self.longest_us = self.longest_us.max(other.longest_us);
    }

    /// Less than this for so many of 1000. `None` if there is nothing.
    fn of_1000(&self, permille: u64) -> Option<Duration> {
        let all: u64 = self.counts.iter().sum();
        let mut so_far = 0;
        let enough = self.counts.iter().position(|count| {
            so_far += count;
            so_far > 0 && so_far * 1_000 >= all * permille
        })?;
        let below = 1_u64.checked_shl(u32::try_from(enough).ok()?);
        Some(Duration::from_micros(below.unwrap_or(u64::MAX)))
    }
}

impl Default for Halves {
    fn default() -> Self {
        Self { counts: [0; Self::POWERS], longest_us: 0 }
    }
}

impl fmt::Display for Halves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((half, most)) = self.of_1000(500).zip(self.of_1000(990)) else {
            return f.write_str("no transaction committed at two participants");
        };
        let longest = Duration::from_micros(self.longest_us);
        write!(
            f,
            "half of a transaction was in view for less than {half:?} (of 99 in 100: {most:?}), \
             at most {longest:?}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Entry;

    fn ended(at_us: u64, sequence: u64, p: u8) -> Entry {
        let tx = Tx { epoch: 1, sequence };
        let event = Event::Ended { tx, p, committed: true, one_phase: false, by_recovery: false };
        Entry { at_us, event }
    }

    #[test]
    fn from_the_first_commit_to_the_last() {
        let mut halves = Halves::default();
        assert_eq!(halves.to_string(), "no transaction committed at two participants");
        halves.add(&[ended(10, 1, 0), ended(20, 2, 0)].into_iter().collect());
        assert_eq!(halves, Halves::default(), "each is at one participant only");
        let run = [ended(10, 1, 0), ended(11, 2, 0), ended(13, 1, 1), ended(1_000, 1, 2)];
        halves.add(&run.into_iter().collect());
        let mut sum = Halves::default();
        sum.add(&[ended(5, 3, 0), ended(8, 3, 1)].into_iter().collect());
        sum.merge(&halves);
        assert_eq!(
            sum.to_string(),
            "half of a transaction was in view for less than 4µs (of 99 in 100: 1.024ms), at most 990µs"
        );
    }
}
