//! The part of a picture that concerns one transaction.

use std::collections::BTreeMap;

use super::model::Picture;
use super::parts::{Bar, Message, Verdict};
use crate::history::{History, Tx};

impl Picture {
    /// What concerns one transaction: what is about it, and what befell places from its first event
    /// to its last, as [`History::of`] has it of the picture's own history. What lasts is kept with
    /// its ends if it lasted meanwhile. Verdicts are all kept, where they broke.
    pub fn only(&self, tx: Tx, history: &History) -> Self {
        let (mut kept, part) = (Vec::new(), history.of(tx));
        // Both are in the same order, so each is found by going on.
        let mut whole = history.entries().iter().enumerate();
        for entry in part.entries() {
            kept.extend(whole.find(|(_, other)| *other == entry).map(|(at, _)| at));
        }
        let concerns = |of: Option<Tx>| of.is_none_or(|of| of == tx);
        let meanwhile = |from: usize, until: Option<usize>| {
            let (first, last) = (kept.first().copied(), kept.last().copied());
            first.is_some_and(|first| until.is_none_or(|until| first <= until))
                && last.is_some_and(|last| from <= last)
        };
        let bars =
            self.bars.iter().filter(|bar| concerns(bar.tx) && meanwhile(bar.from, bar.until));
        let bars: Vec<_> = bars.cloned().collect();
        let messages: Vec<_> = self.messages.iter().filter(|one| one.tx == tx).cloned().collect();
        let ends = bars.iter().flat_map(|bar| [Some(bar.from), bar.until]).flatten();
        kept.extend(ends);
        kept.extend(messages.iter().flat_map(|one| [one.done, one.closed]).flatten());
        kept.extend(self.verdicts.iter().map(|verdict| verdict.mark));
        kept.sort_unstable();
        kept.dedup();
        let numbers: BTreeMap<_, _> =
            kept.iter().enumerate().map(|(new, old)| (*old, new)).collect();
        let number = |old: usize| numbers.get(&old).copied().unwrap_or_default();
        let bar = |bar: Bar| Bar { from: number(bar.from), until: bar.until.map(number), ..bar };
        let message = |one: Message| Message {
            asked: number(one.asked),
            done: one.done.map(number),
            closed: one.closed.map(number),
            ..one
        };
        let verdict = |one: &Verdict| Verdict { mark: number(one.mark), ..one.clone() };
        Self {
            title: format!("{}, {tx} only", self.title),
            scenario: self.scenario.clone(),
            lanes: self.lanes.clone(),
            marks: kept.iter().filter_map(|at| self.marks.get(*at)).cloned().collect(),
            messages: messages.into_iter().map(message).collect(),
            bars: bars.into_iter().map(bar).collect(),
            verdicts: self.verdicts.iter().map(verdict).collect(),
        }
    }
}
