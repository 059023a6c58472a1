//! Which openings a log has had, by what they drew: how it knows its own gids.
//!
//! Twelve bytes for each opening, for ever, in memory and in every snapshot: a branch can be left
//! prepared for as long. A restart each minute for a year is 6 MB.

use std::collections::BTreeMap;

use indoubt::{Gid, Lineage, Origin};

/// The openings of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lineages {
    /// Drawn when the log was created.
    pub(super) log: u32,
    /// What each opening drew, by its epoch.
    pub(super) openings: BTreeMap<u64, u32>,
}

impl Lineages {
    /// Of a log that was never opened.
    pub(super) const fn new(log: u32) -> Self {
        Self { log, openings: BTreeMap::new() }
    }

    pub(super) fn opened(&mut self, epoch: u64, drawn: u32) {
        self.openings.insert(epoch, drawn);
    }

    /// The lineage of the transactions of an epoch.
    pub(super) fn of(&self, epoch: u64) -> Option<Lineage> {
        let opening = *self.openings.get(&epoch)?;
        Some(Lineage { log: self.log, opening })
    }

    /// Whose a gid is, to the opening of this epoch.
    pub(super) fn origin(&self, gid: &Gid, epoch: u64) -> Origin {
        if gid.lineage.log != self.log {
            Origin::OtherLog
        } else if gid.epoch > epoch {
            Origin::Newer
        } else if self.of(gid.epoch) == Some(gid.lineage) {
            Origin::Own
        } else {
            Origin::OtherOpening
        }
    }
}
