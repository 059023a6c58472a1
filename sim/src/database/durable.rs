//! What outlives a participant's server: what is on its disk, and what of that is in the history.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::store::{Record, Writes};
use super::wire::Xid;
use crate::history::Tx;
use crate::lock::lock;
use crate::parts::FOREIGN;

/// What of a participant has been recorded in the history, over all its lives: a record can
/// be durable although its server died before it knew.
#[derive(Clone, Default)]
pub struct Recorded(Arc<Mutex<BTreeSet<Milestone>>>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Milestone {
    Prepared(Tx),
    /// Counted, so that an ending that happens twice is recorded twice.
    Ended(Tx, Xid),
    /// The n-th loss of evidence.
    Forgot(u64),
}

impl Recorded {
    /// Whether this was not recorded before.
    pub(super) fn is_news(&self, milestone: Milestone) -> bool {
        lock(&self.0).insert(milestone)
    }

    /// As much as there is now, and nothing of what is to come.
    pub(super) fn copy(&self) -> Self {
        let milestones = lock(&self.0).clone();
        Self(Arc::new(Mutex::new(milestones)))
    }
}

/// What is durable at a participant.
#[derive(Clone)]
pub struct Durable(pub(super) Vec<Record>);

impl Durable {
    /// Before the run: these rows, and branches that are not ours.
    pub fn seeded(rows: &[(u64, i64)]) -> Self {
        let rows = rows.iter().map(|(key, value)| Record::Row(*key, *value));
        let foreign = FOREIGN.iter().zip(1..).map(|(gid, xid)| Record::Prepared {
            xid: Xid(xid),
            gid: (*gid).to_owned(),
            writes: Writes::new(),
        });
        Self(rows.chain(foreign).collect())
    }

    /// As a standby has it when it takes over: its own numbers do not run into those of the server
    /// that is gone.
    pub fn promoted(mut self) -> Self {
        let starts = self.0.iter().filter_map(|record| match record {
            Record::Started(starts) => Some(*starts),
            _ => None,
        });
        let last = starts.max().unwrap_or(0);
        self.0.push(Record::Started(last + 1_000));
        self
    }
}
