//! What becomes certain at a server, told to the history.
//!
//! The server says which backend brought an end about. Whose hand that was is known from elsewhere: an
//! operator's backend is noted, the backend that prepared a branch is its coordinator's own, and any
//! other does what the coordinator asked for last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use indoubt::{BranchGid, Decision};
use indoubt_sim_postgres::{Effect, Observer, What};

use super::kind::Older;
use super::schema::FOREIGN;
use crate::history::{Event, Tx};
use crate::hosting::{By, Teller};
use crate::lock::lock;
use crate::time::Timed;

/// Hears of the effects of one life of a server. Clones hear for the same one.
#[derive(Clone)]
pub(super) struct Effects {
    p: u8,
    teller: Teller,
    events: Timed,
    hands: Arc<Mutex<Hands>>,
    older: Older,
}

/// Which backend is whose.
#[derive(Default)]
struct Hands {
    operators: BTreeSet<i32>,
    /// Backends of another process under the coordinator's id.
    rivals: BTreeSet<i32>,
    /// The backend that has prepared each branch.
    prepared: BTreeMap<String, i32>,
}

impl Effects {
    pub(super) fn new(p: u8, teller: Teller, events: Timed, older: Older) -> Self {
        Self { p, teller, events, hands: Arc::default(), older }
    }

    /// This backend is an operator's.
    pub(super) fn is_operators(&self, pid: i32) {
        lock(&self.hands).operators.insert(pid);
    }

    /// This backend is a rival's.
    pub(super) fn is_rivals(&self, pid: i32) {
        lock(&self.hands).rivals.insert(pid);
    }

    /// The branch and its transaction, if it is one of the coordinator under test.
    fn ours(&self, gid: &str) -> Option<(BranchGid, Tx)> {
        if FOREIGN.contains(&gid) {
            return None;
        }
        let gid = gid.parse().ok()?;
        self.teller.ours(&gid).map(|tx| (gid, tx))
    }

    fn ended(&self, text: &str, decision: Decision, pid: Option<i32>) {
        let Some((gid, tx)) = self.ours(text) else { return };
        let by = {
            let hands = lock(&self.hands);
            match pid {
                Some(pid) if hands.operators.contains(&pid) => Some(By::Operator),
                Some(pid) if hands.rivals.contains(&pid) => {
                    drop(hands);
                    return self.events.record(Event::Trespassed { tx, p: self.p });
                }
                Some(pid) if hands.prepared.get(text) == Some(&pid) => Some(By::Coordinator),
                Some(_) => None,
                // Replayed: whoever it was is known from before, or nobody knows.
                None => return self.teller.ended(&gid, decision),
            }
        };
        self.teller.at_work(&gid, by.unwrap_or_else(|| self.asked_last(tx, decision)));
        self.teller.ended(&gid, decision);
        if self.older.contains(text) {
            self.events.record(Event::Forgot { p: self.p });
        }
    }

    /// Whoever asked last for this end of the branch.
    fn asked_last(&self, tx: Tx, decision: Decision) -> By {
        let by_recovery = self.events.last(|event| match event {
            Event::Asked { tx: of, p, ask, .. } if *of == tx && *p == self.p => {
                (ask.decision() == Some(decision)).then(|| ask.by_recovery())
            }
            _ => None,
        });
        if by_recovery == Some(false) { By::Coordinator } else { By::Recovery }
    }
}

impl Observer for Effects {
    fn effect(&self, effect: &Effect) {
        match &effect.what {
            What::Prepared { gid } => {
                if let Some(pid) = effect.by {
                    lock(&self.hands).prepared.insert(gid.clone(), pid);
                }
                if let Some((gid, _)) = self.ours(gid) {
                    self.teller.prepared(&gid);
                }
            }
            What::CommittedPrepared { gid } => self.ended(gid, Decision::Commit, effect.by),
            What::RolledBackPrepared { gid } => self.ended(gid, Decision::Abort, effect.by),
            What::Committed { tag: Some(gid) } => {
                if let Some((gid, _)) = self.ours(gid) {
                    self.teller.at_work(&gid, By::Alone);
                    self.teller.ended(&gid, Decision::Commit);
                }
            }
            What::Committed { tag: None } | What::Aborted { .. } => {}
        }
    }
}
