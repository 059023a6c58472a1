//! A driver that ends by itself, because nobody has a handle any more, has ended what was begun.

use std::collections::BTreeSet;

use super::prepared::{Branch, Prepared};
use crate::history::{Ask, Event, History, Place, Reading, Tx};

/// Who has asked a driver for what, and what is prepared.
#[derive(Default)]
struct Scene {
    prepared: Prepared,
    /// Branches that their own coordinator has told how they end.
    told: BTreeSet<Branch>,
    /// Transactions that are another coordinator's by now, or that the log says nothing of.
    given_up: BTreeSet<Tx>,
    epoch: u64,
}

/// Every branch that it leaves prepared has been told how it ends, and could not be reached.
pub(super) fn drained(history: &History) -> Result<(), String> {
    let mut scene = Scene::default();
    for entry in history.entries() {
        scene.hear(entry.at_us, &entry.event)?;
    }
    Ok(())
}

impl Scene {
    fn hear(&mut self, now: u64, event: &Event) -> Result<(), String> {
        self.prepared.hear(now, event);
        match *event {
            Event::Opened { epoch, .. } => self.epoch = self.epoch.max(epoch),
            Event::Asked { tx, p, ask: Ask::Commit | Ask::Abort, .. } => {
                self.told.insert((tx, p));
            }
            Event::ForceFailed { tx, fenced: true }
            | Event::LogRead { tx, reading: Reading::Fenced | Reading::Expired, .. } => {
                self.given_up.insert(tx);
            }
            Event::DriverEnded { by, epoch, dropped: false } => return self.judge(by, epoch),
            _ => {}
        }
        Ok(())
    }

    fn judge(&self, by: Place, epoch: u64) -> Result<(), String> {
        let is_left = |(tx, p): &Branch| {
            let is_excused = self.told.contains(&(*tx, *p)) || self.given_up.contains(tx);
            tx.epoch == epoch && epoch == self.epoch && !is_excused
        };
        let mut left = self.prepared.iter().map(|(branch, _)| branch).filter(is_left);
        left.next().map_or(Ok(()), |(tx, p)| {
            let place = Place::Participant(p);
            Err(format!("the driver of {by} ended, and {tx} is prepared at {place}"))
        })
    }
}
