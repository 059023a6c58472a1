//! What becomes certain at a server, told to the history.
//!
//! The server says which backend brought an end about. Whose hand that was is known from elsewhere: an
//! operator's backend is noted, the backend that prepared a branch is its coordinator's own, and any
//! other does what the coordinator asked for last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use indoubt::{BranchGid, Decision};
use indoubt_sim_postgres::{Effect, Observer, What};

use super::kind::{Database, Kept, Older, application_name};
use super::traps;
use crate::history::{Ask, Event, Place, ServiceEvent, Tx};
use crate::hosting::{By, Teller};
use crate::lock::lock;
use crate::net::NodeId;
use crate::parts::{Counts, FOREIGN, Site, Slots};
use crate::time::Timed;

/// `idle_in_transaction_session_timeout`.
const IDLE: &str = "25P03";

/// Hears of the effects of one life of a server. Clones hear for the same one.
#[derive(Clone)]
pub(super) struct Effects {
    p: u8,
    teller: Teller,
    events: Timed,
    hands: Arc<Mutex<Hands>>,
    older: Older,
    database: Option<Database>,
    /// What another process under the coordinator's id calls itself.
    rival: Option<String>,
    slots: Slots,
    counts: Counts,
}

/// Which backend is whose.
#[derive(Default)]
struct Hands {
    operators: BTreeSet<i32>,
    /// The backend that has prepared each branch.
    prepared: BTreeMap<String, i32>,
}

impl Effects {
    pub(super) fn new(site: &Site, teller: Teller, kept: &Kept) -> Self {
        let (p, events, rival) = (site.p, site.events.clone(), site.rival.map(application_name));
        let (older, database) = (kept.older.clone(), kept.database.clone());
        let (hands, slots, counts) = (Arc::default(), site.slots.clone(), site.counts.clone());
        Self { p, teller, events, hands, older, database, rival, slots, counts }
    }

    /// This backend is an operator's, who ends this branch: should the server crash when that is durable
    /// and before it is told, the replay tells it of whoever was last at it.
    pub(super) fn is_operators(&self, pid: i32, gid: &str) {
        lock(&self.hands).operators.insert(pid);
        if let Some((gid, _)) = self.ours(gid) {
            self.teller.at_work(&gid, By::Operator);
        }
    }

    pub(super) const fn teller(&self) -> &Teller {
        &self.teller
    }

    /// The branch and its transaction, if it is one of the coordinator under test.
    pub(super) fn ours(&self, gid: &str) -> Option<(BranchGid, Tx)> {
        if FOREIGN.contains(&gid) {
            return None;
        }
        let gid = gid.parse().ok()?;
        self.teller.ours(&gid).map(|tx| (gid, tx))
    }

    fn ended(&self, text: &str, decision: Decision, effect: &Effect) {
        let Some((gid, tx)) = self.ours(text) else { return };
        // Replayed: whoever it was is known from before, or nobody knows.
        let Some(by) = &effect.by else { return self.teller.ended(&gid, decision) };
        if Some(by.application_name.as_str()) == self.rival.as_deref() {
            self.events.record(Event::Trespassed { tx, p: self.p });
        }
        let whose = &by.application_name;
        let by = {
            let hands = lock(&self.hands);
            if hands.operators.contains(&by.pid) {
                Some(By::Operator)
            } else {
                (hands.prepared.get(text) == Some(&by.pid)).then_some(By::Coordinator)
            }
        };
        self.teller.at_work(&gid, by.unwrap_or_else(|| self.asked_last(tx, decision, whose)));
        self.teller.ended(&gid, decision);
        if self.older.contains(text) {
            self.events.record(Event::Untold { tx, p: self.p });
        }
    }

    /// Whether the process that asked the branch to prepare has stopped waiting for that.
    fn was_given_up(&self, tx: Tx) -> bool {
        let given_up = self.events.last(|event| match *event {
            Event::GaveUp { tx: of, p, ask: Ask::Prepare, .. } if of == tx && p == self.p => {
                Some(true)
            }
            Event::Asked { tx: of, p, ask: Ask::Prepare, .. } if of == tx && p == self.p => {
                Some(false)
            }
            _ => None,
        });
        given_up == Some(true)
    }

    /// What this coordinator asked last for this end of the branch, of those that may be at it together:
    /// each one's number is its address.
    fn asked_last(&self, tx: Tx, decision: Decision, whose: &str) -> By {
        let is_it = |place: Place| match place {
            Place::Coordinator(c) => application_name(NodeId(c)) == whose,
            Place::Participant(_) => false,
        };
        let by_recovery = self.events.last(|event| match event {
            Event::Asked { tx: of, p, by, ask } if *of == tx && *p == self.p && is_it(*by) => {
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
                if let Some(by) = &effect.by {
                    lock(&self.hands).prepared.insert(gid.clone(), by.pid);
                }
                if let Some((gid, tx)) = self.ours(gid) {
                    if effect.by.is_some() && self.was_given_up(tx) {
                        self.counts.count(traps::LATE);
                    }
                    self.teller.prepared(&gid);
                }
            }
            What::CommittedPrepared { gid } => self.ended(gid, Decision::Commit, effect),
            What::RolledBackPrepared { gid } => self.ended(gid, Decision::Abort, effect),
            What::Committed { tag: Some(gid) } => {
                if let Some((gid, _)) = self.ours(gid) {
                    self.teller.at_work(&gid, By::Alone);
                    self.teller.ended(&gid, Decision::Commit);
                }
            }
            What::Committed { tag: None } => {
                if let Some(database) = &self.database
                    && effect.durable
                    && database.is_news(effect.xid)
                {
                    let (p, database) = (self.p, database.name.clone());
                    let what = ServiceEvent::Commits { p, database };
                    self.events.record(Event::OfService { what });
                }
            }
            What::Aborted { .. } => {}
        }
    }

    fn refused(&self, code: &str, tag: Option<&str>) {
        if let Some(what) = traps::of(code) {
            self.counts.count(what);
        }
        if code == IDLE
            && let Some((_, tx)) = tag.and_then(|tag| self.ours(tag))
        {
            self.events.record(Event::Expired { tx, p: self.p });
        }
    }

    fn has_slot(&self, prepared: usize) -> bool {
        self.slots.is_free(prepared.saturating_sub(FOREIGN.len()))
    }
}
