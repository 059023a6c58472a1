//! What repeats itself in a history, folded: a block of lines that comes again at once is told once,
//! with how often it came and until when.

use std::fmt;

use super::Entry;

/// The longest block that is looked for, in lines.
const LONGEST: usize = 6;

/// Lines that are one thing to read: a block, and how often it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Folded<'a> {
    pub(super) block: &'a [Entry],
    pub(super) times: usize,
    /// When the last of them came.
    pub(super) until_us: u64,
}

/// Folds lines, told without their times.
pub(super) fn folded(entries: &[Entry]) -> Vec<Folded<'_>> {
    let lines: Vec<String> = entries.iter().map(|entry| entry.event.to_string()).collect();
    let mut folded = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let (length, times) = (1..=LONGEST)
            .map(|length| (length, times(&lines[at..], length)))
            .max_by_key(|(length, times)| if *times < 2 { 0 } else { length * (times - 1) })
            .filter(|(length, times)| length * (times - 1) > 1)
            .unwrap_or((1, 1));
        let next = at + length * times;
        let until_us = entries[next - 1].at_us;
        folded.push(Folded { block: &entries[at..at + length], times, until_us });
        at = next;
    }
    folded
}

/// How often the first block of this length comes, one after the other.
fn times(lines: &[String], length: usize) -> usize {
    let Some(first) = lines.get(..length) else { return 1 };
    lines.chunks_exact(length).take_while(|block| *block == first).count()
}

impl fmt::Display for Folded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.block.iter().try_for_each(|entry| writeln!(f, "{entry}"))?;
        let (lines, more) = (self.block.len(), self.times - 1);
        if more == 0 {
            return Ok(());
        }
        let what = if lines == 1 { "this".to_owned() } else { format!("these {lines} lines") };
        let (ms, us) = (self.until_us / 1000, self.until_us % 1000);
        writeln!(f, "{:>11}     ... and {what} {more} times more, until {ms}.{us:03} ms", "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Event, Place, Tx};

    fn told(events: impl IntoIterator<Item = Event>) -> Vec<(usize, usize)> {
        let entry = |(at, event)| Entry { at_us: at, event };
        let entries: Vec<_> = (0..).zip(events).map(entry).collect();
        folded(&entries).iter().map(|one| (one.block.len(), one.times)).collect()
    }

    #[test]
    fn what_comes_again_at_once_is_told_once() {
        let (by, tx) = (Place::Coordinator(0), Tx { epoch: 1, sequence: 1 });
        let decided = Event::Decided { tx };
        let unreadable = Event::LogUnreadable { by };
        let healed = Event::Healed;
        // Two lines are as quickly read as a line that says so.
        assert_eq!(told([decided.clone(), decided.clone(), healed.clone()]), [(1, 1); 3]);
        assert_eq!(told(vec![decided.clone(); 5]), [(1, 5)]);
        let pair = [decided.clone(), unreadable.clone()];
        let cycle = pair.iter().cycle().take(6).cloned().chain([healed]);
        assert_eq!(told(cycle), [(2, 3), (1, 1)]);
    }
}
