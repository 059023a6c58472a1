//! What is waited for comes in time, while everything else goes on.
//!
//! The only claim about times. What is promised is in the history itself, for it depends on the
//! deadlines, and on how long a sync takes.

use std::collections::{BTreeMap, BTreeSet};

use super::prepared::{Branch, Prepared};
use crate::history::{Event, History, Place, Tx, VoteKind, Waits};

/// Who waits, at one moment of a history.
#[derive(Default)]
struct Waiting {
    waits: Option<Waits>,
    enlisted: BTreeMap<Tx, BTreeSet<u8>>,
    /// Since when a client waits for its answer.
    asked: BTreeMap<Tx, u64>,
    prepared: Prepared,
    /// Of these, the ones of an earlier opening, and by when they must have ended.
    orphans: BTreeMap<Branch, u64>,
    /// The epoch of the coordinator that is up, if one is.
    epoch: Option<u64>,
}

/// Answers come within their deadlines, whatever fails; and where clients never pause, what a sick
/// participant has no part in comes within a small multiple of a sync, and no orphan stays.
pub(super) fn bounded_wait(history: &History) -> Result<(), String> {
    let mut waiting = Waiting::default();
    for entry in history.entries() {
        waiting.hear(entry.at_us, &entry.event)?;
    }
    Ok(())
}

impl Waiting {
    fn hear(&mut self, now: u64, event: &Event) -> Result<(), String> {
        if let Event::Promised { waits } = *event {
            self.waits = Some(waits);
        }
        let Some(waits) = self.waits else { return Ok(()) };
        self.look_for_orphans(now)?;
        self.prepared.hear(now, event);
        match *event {
            Event::Enlisted { tx, p } => {
                self.enlisted.entry(tx).or_default().insert(p);
            }
            Event::AskedCommit { tx } => drop(self.asked.insert(tx, now)),
            Event::Left { tx } => drop(self.asked.remove(&tx)),
            Event::Answered { tx, .. } => {
                let since = self.asked.remove(&tx).unwrap_or(now);
                let enlisted = self.enlisted.remove(&tx).unwrap_or_default();
                let sick = waits.sick.is_some_and(|p| enlisted.contains(&p));
                let most = if sick { waits.sick_answer_us } else { waits.answer_us };
                in_time(now - since, most, || format!("{tx} was answered"))?;
            }
            Event::Status { tx, after_us, .. } => {
                in_time(after_us, waits.status_us, || {
                    format!("a question about {tx} was answered")
                })?;
            }
            Event::Voted { tx, p, vote: VoteKind::Yes }
                if self.epoch.is_some_and(|epoch| tx.epoch < epoch) =>
            {
                self.is_orphan((tx, p), now);
            }
            Event::Ended { tx, p, .. } | Event::OperatorEnded { tx, p, .. } => {
                self.orphans.remove(&(tx, p));
            }
            Event::Opened { epoch, .. } => {
                self.epoch = Some(epoch);
                let branches = self.prepared.iter().map(|(branch, _)| branch);
                for branch in branches.filter(|(tx, _)| tx.epoch < epoch).collect::<Vec<_>>() {
                    self.is_orphan(branch, now);
                }
            }
            Event::Crashed { place: Place::Coordinator(_) } => {
                self.epoch = None;
                self.orphans.clear();
            }
            _ => {}
        }
        Ok(())
    }

    fn is_orphan(&mut self, branch: Branch, now: u64) {
        let of_the_well = self.waits.filter(|waits| waits.sick != Some(branch.1));
        if let Some(most) = of_the_well.and_then(|waits| waits.orphan_us) {
            self.orphans.insert(branch, now + most);
        }
    }

    fn look_for_orphans(&self, now: u64) -> Result<(), String> {
        let late = self.orphans.iter().find(|(_, due)| **due < now);
        late.map_or(Ok(()), |((tx, p), due)| {
            let (place, due) = (Place::Participant(*p), due / 1_000);
            Err(format!("{tx}, of an earlier opening, is prepared at {place} after {due} ms"))
        })
    }
}

fn in_time(took_us: u64, most_us: u64, what: impl FnOnce() -> String) -> Result<(), String> {
    if took_us <= most_us {
        return Ok(());
    }
    let (took, most) = (took_us / 1_000, most_us / 1_000);
    Err(format!("{} after {took} ms, and at the most {most} ms are promised", what()))
}
