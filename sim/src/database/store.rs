//! A participant's state: rows, locks, sessions, prepared branches, and how transactions ended.
//!
//! Plain data without I/O. The server writes ahead what must last, and applies it here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::channel::oneshot;
use indoubt::{BranchGid, OnePhase};
use serde::{Deserialize, Serialize};

use super::locks::Locks;
use super::wire::Xid;
use crate::history::Tx;
use crate::parts::{Op, WorkRefused};
use crate::story::AtBranch;

/// What a branch wrote: the new value of each row.
pub(super) type Writes = BTreeMap<u64, i64>;

/// A session's open branch.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) gid: BranchGid,
    pub(super) state: SessionState,
    pub(super) writes: Writes,
    /// Locked rows; reads lock as well.
    locked: Vec<u64>,
    /// A piece of its work waits for a row, or has just been handed it.
    waits: bool,
    /// The last step and its result: a repeated request gets the same answer again.
    last: Option<(u32, Result<Option<i64>, WorkRefused>)>,
    pub(super) used_at: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionState {
    Active,
    /// A prepare or a one-phase commit is being written.
    Busy,
}

/// What became of a step of a session's work.
#[derive(Debug)]
pub(super) enum Worked {
    Done(Result<Option<i64>, WorkRefused>),
    /// It is to be done again, without waiting, once this resolves or it has taken too long.
    Waits(oneshot::Receiver<()>),
    /// An earlier step, or another copy of this one, waits.
    AtWork,
}

/// A prepared branch.
#[derive(Clone, Debug)]
pub(super) struct PreparedBranch {
    pub(super) xid: Xid,
    pub(super) writes: Writes,
    /// Its ending is being written.
    pub(super) busy: bool,
}

/// What is written ahead.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Record {
    /// The server started for the n-th time.
    Started(u64),
    /// A row that was there before the run.
    Row(u64, i64),
    Prepared {
        xid: Xid,
        gid: String,
        writes: Writes,
    },
    /// A prepared branch ended.
    Ended {
        gid: String,
        committed: bool,
        by: EndedBy,
    },
    OnePhase {
        xid: Xid,
        gid: String,
        writes: Writes,
    },
    /// How transactions ended, of those that have, can no longer be said; for the n-th time.
    Forgot {
        nth: u64,
    },
}

/// Who ended a prepared branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum EndedBy {
    /// The process that began it.
    Coordinator,
    Recovery,
    Operator,
}

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) rows: BTreeMap<u64, i64>,
    locks: Locks,
    pub(super) sessions: BTreeMap<Xid, Session>,
    /// By gid as text, as in `pg_prepared_xacts`: not all of them need be ours.
    pub(super) prepared: BTreeMap<String, PreparedBranch>,
    pub(super) ended: BTreeMap<Xid, bool>,
    /// Those of them that an operator ended.
    by_operator: BTreeSet<Xid>,
    /// Ended, and nobody can say how.
    forgotten: BTreeSet<Xid>,
    /// How often that came about.
    pub(super) forgets: u64,
    pub(super) starts: u64,
    next: u64,
}

impl Store {
    pub(super) fn new(locks: Locks) -> Self {
        Self { locks, ..Self::default() }
    }

    pub(super) fn begin(&mut self, gid: BranchGid, now: Duration) -> Xid {
        self.next += 1;
        let xid = Xid(self.starts << 32 | self.next);
        let state = SessionState::Active;
        let session = Session {
            gid,
            state,
            writes: Writes::new(),
            locked: Vec::new(),
            waits: false,
            last: None,
            used_at: now,
        };
        self.sessions.insert(xid, session);
        xid
    }

    /// Does one step of a session's work. If the row is locked and the session does not wait, it is
    /// refused, like `NOWAIT`. A step that has waited is done without waiting again.
    pub(super) fn work(
        &mut self,
        xid: Xid,
        step: u32,
        op: Op,
        (now, waits): (Duration, bool),
    ) -> Worked {
        let session =
            self.sessions.get_mut(&xid).filter(|session| session.state == SessionState::Active);
        let Some(session) = session else { return Worked::Done(Err(WorkRefused::NoSession)) };
        session.used_at = now;
        if let Some((last, result)) = &session.last
            && *last >= step
        {
            return Worked::Done(result.clone());
        }
        if session.waits {
            if waits {
                return Worked::AtWork;
            }
            session.waits = false;
            self.locks.time_out(xid);
        }
        let key = key(op);
        let result = match self.locks.take(key, xid) {
            Ok(()) => {
                if !session.locked.contains(&key) {
                    session.locked.push(key);
                }
                let current = session.writes.get(&key).or_else(|| self.rows.get(&key)).copied();
                session.apply(op, current)
            }
            Err(holder) if waits => {
                session.waits = true;
                let tx = Tx::of(&session.gid.gid);
                let holder = self.tx(holder);
                return Worked::Waits(self.locks.wait(key, (xid, tx), holder));
            }
            Err(_) => Err(WorkRefused::Locked),
        };
        session.last = Some((step, result.clone()));
        Worked::Done(result)
    }

    /// The transaction of an open or a prepared branch.
    fn tx(&self, xid: Xid) -> Option<Tx> {
        if let Some(session) = self.sessions.get(&xid) {
            return Some(Tx::of(&session.gid.gid));
        }
        let (gid, _) = self.prepared.iter().find(|(_, branch)| branch.xid == xid)?;
        gid.parse().ok().map(|branch: BranchGid| Tx::of(&branch.gid))
    }

    /// How many branches are prepared, or about to be.
    pub(super) fn taken_slots(&self) -> usize {
        let busy = |session: &&Session| session.state == SessionState::Busy;
        self.prepared.len() + self.sessions.values().filter(busy).count()
    }

    /// From here on the session answers to nothing but the write that is under way.
    pub(super) fn set_busy(&mut self, xid: Xid) {
        if let Some(session) = self.sessions.get_mut(&xid) {
            session.state = SessionState::Busy;
        }
    }

    /// Ends a session that wrote nothing that lasts.
    pub(super) fn roll_back_session(&mut self, xid: Xid) {
        if let Some(session) = self.sessions.remove(&xid) {
            if session.waits {
                self.locks.leave(xid);
            }
            self.unlock(xid, session.locked);
        }
    }

    /// The oldest session that has been idle since before `since`.
    pub(super) fn idle_session(&self, since: Duration) -> Option<Xid> {
        let is_idle = |session: &Session| session.state == SessionState::Active && !session.waits;
        let idle = |session: &Session| is_idle(session) && session.used_at < since;
        self.sessions.iter().find(|(_, session)| idle(session)).map(|(xid, _)| *xid)
    }

    /// What there is of a branch.
    pub(super) fn branch(&self, xid: Xid) -> AtBranch {
        let by_operator = self.by_operator.contains(&xid);
        match self.ended.get(&xid) {
            Some(true) => AtBranch::Committed { by_operator },
            Some(false) => AtBranch::RolledBack { by_operator },
            None if self.sessions.contains_key(&xid) => AtBranch::Open,
            None if self.prepared.values().any(|branch| branch.xid == xid) => AtBranch::Prepared,
            None => AtBranch::NoTrace,
        }
    }

    /// How a branch without a session ended, if it did without a prepare.
    pub(super) fn one_phase(&self, xid: Xid) -> OnePhase {
        match self.ended.get(&xid) {
            Some(true) => OnePhase::Committed,
            None if self.forgotten.contains(&xid) => OnePhase::Untold,
            _ => OnePhase::RolledBack,
        }
    }

    pub(super) fn locked_rows(&self) -> usize {
        self.locks.len()
    }

    /// Applies a record: at once when it has been written, and again at every start.
    pub(super) fn apply(&mut self, record: &Record) {
        match record {
            Record::Started(starts) => self.starts = *starts,
            Record::Row(key, value) => drop(self.rows.insert(*key, *value)),
            Record::Prepared { xid, gid, writes } => {
                if let Some(session) = self.sessions.remove(xid) {
                    // Read locks end with the prepare; written rows stay locked.
                    let read = session.locked.into_iter().filter(|key| !writes.contains_key(key));
                    self.unlock(*xid, read);
                }
                for key in writes.keys() {
                    let _own = self.locks.take(*key, *xid);
                }
                let branch = PreparedBranch { xid: *xid, writes: writes.clone(), busy: false };
                self.prepared.insert(gid.clone(), branch);
            }
            Record::Ended { gid, committed, by } => {
                if let Some(branch) = self.prepared.remove(gid) {
                    if *by == EndedBy::Operator {
                        self.by_operator.insert(branch.xid);
                    }
                    self.end(branch.xid, &branch.writes, *committed);
                }
            }
            Record::OnePhase { xid, writes, .. } => {
                self.end(*xid, writes, true);
                self.roll_back_session(*xid);
            }
            Record::Forgot { nth } => {
                self.forgets = *nth;
                self.forgotten.extend(std::mem::take(&mut self.ended).into_keys());
            }
        }
    }

    fn end(&mut self, xid: Xid, writes: &Writes, committed: bool) {
        if committed {
            self.rows.extend(writes);
        }
        self.unlock(xid, writes.keys().copied());
        self.ended.insert(xid, committed);
    }

    /// What it gives up is whoever's who has waited longest.
    fn unlock(&mut self, xid: Xid, keys: impl IntoIterator<Item = u64>) {
        for key in keys {
            let next = self.locks.free(key, xid);
            if let Some(session) = next.and_then(|next| self.sessions.get_mut(&next)) {
                session.locked.push(key);
            }
        }
    }
}

impl Session {
    fn apply(&mut self, op: Op, current: Option<i64>) -> Result<Option<i64>, WorkRefused> {
        let value = match op {
            Op::Read { .. } => return Ok(current),
            Op::Insert { .. } if current.is_some() => return Err(WorkRefused::Exists),
            Op::Insert { value, .. } => value,
            Op::Add { delta, .. } => current.unwrap_or(0) + delta,
        };
        self.writes.insert(key(op), value);
        Ok(Some(value))
    }

    /// Whether it can commit: the deferred constraint holds, that no row is negative, and none of its
    /// work still waits.
    pub(super) fn can_commit(&self) -> bool {
        !self.waits && self.writes.values().all(|value| *value >= 0)
    }
}

const fn key(op: Op) -> u64 {
    match op {
        Op::Read { key } | Op::Add { key, .. } | Op::Insert { key, .. } => key,
    }
}

#[cfg(test)]
mod tests;
