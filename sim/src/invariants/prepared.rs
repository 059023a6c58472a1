//! The branches that are prepared, moment by moment, for judges of the course of a run.

use std::collections::BTreeMap;

use crate::history::{Event, Tx, VoteKind};

/// A branch: its transaction, and its participant.
pub(super) type Branch = (Tx, u8);

/// The branches that are prepared, and since when.
#[derive(Debug, Default)]
pub(super) struct Prepared(BTreeMap<Branch, u64>);

impl Prepared {
    /// Takes in what has happened.
    pub(super) fn hear(&mut self, now: u64, event: &Event) {
        match *event {
            Event::Voted { tx, p, vote: VoteKind::Yes } => {
                self.0.entry((tx, p)).or_insert(now);
            }
            Event::Ended { tx, p, .. } | Event::OperatorEnded { tx, p, .. } => {
                self.0.remove(&(tx, p));
            }
            Event::FailedOver { p } => self.0.retain(|(_, at), _| *at != p),
            // Of a standby that has taken a participant's place it is the first that is known.
            Event::Found { p, ref prepared } => {
                for tx in prepared {
                    self.0.entry((*tx, p)).or_insert(now);
                }
            }
            _ => {}
        }
    }

    /// Each, with since when it is prepared.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Branch, u64)> {
        self.0.iter().map(|(branch, since)| (*branch, *since))
    }
}
