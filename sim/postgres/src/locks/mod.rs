//! Locks on everything but single rows: relations, transaction ids, places in a row's queue,
//! numbers of the application's own (PostgreSQL manual, "Explicit Locking").
//!
//! A request that conflicts waits in the order of asking, also behind others that wait and
//! that it conflicts with. A prepared transaction keeps its locks under its xid, without a
//! process. Absent: time, which is the waiter's; and fast paths.

mod deadlock;
mod mode;

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

pub(crate) use mode::Mode;

/// What is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Tag {
    Relation(u32),
    /// Held by the transaction itself for as long as it runs: to wait for it is to share this.
    Transaction(u64),
    /// The next place in the queue for a row.
    Tuple(u32, u64),
    /// In a database, with which of the two forms of key, and the key.
    Advisory(u32, u8, i64),
}

impl Tag {
    /// The name of `wait_event`.
    pub(crate) fn event(self) -> &'static str {
        match self {
            Self::Relation(_) => "relation",
            Self::Transaction(_) => "transactionid",
            Self::Tuple(..) => "tuple",
            Self::Advisory(..) => "advisory",
        }
    }
}

/// Who holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    Backend(i32),
    Prepared(u64),
}

/// For how long a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    Transaction,
    Session,
}

#[derive(Clone, Debug)]
struct Grant {
    owner: Owner,
    mode: Mode,
    /// How often it was taken for the transaction, and for the session.
    xact: u32,
    session: u32,
}

#[derive(Clone, Debug)]
struct Request {
    pid: i32,
    mode: Mode,
    span: Span,
}

#[derive(Debug, Default)]
struct Lock {
    grants: Vec<Grant>,
    queue: VecDeque<Request>,
}

/// All locks of the server.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    locks: BTreeMap<Tag, Lock>,
}

impl Lock {
    fn conflicts(&self, owner: Owner, mode: Mode) -> bool {
        self.grants.iter().any(|grant| grant.owner != owner && grant.mode.conflicts(mode))
    }

    fn grant(&mut self, owner: Owner, mode: Mode, span: Span) {
        let found = self.grants.iter_mut().find(|g| g.owner == owner && g.mode == mode);
        let grant = if let Some(grant) = found {
            grant
        } else {
            self.grants.push(Grant { owner, mode, xact: 0, session: 0 });
            self.grants.last_mut().expect("it was just put there")
        };
        match span {
            Span::Transaction => grant.xact += 1,
            Span::Session => grant.session += 1,
        }
    }

    /// Grants what can be by now, in order, and says to whom.
    fn advance(&mut self) -> Vec<i32> {
        let (mut granted, mut ahead) = (Vec::new(), Vec::<Mode>::new());
        let mut waiting = VecDeque::new();
        while let Some(request) = self.queue.pop_front() {
            let owner = Owner::Backend(request.pid);
            let behind = ahead.iter().any(|mode| mode.conflicts(request.mode));
            if behind || self.conflicts(owner, request.mode) {
                ahead.push(request.mode);
                waiting.push_back(request);
            } else {
                self.grant(owner, request.mode, request.span);
                granted.push(request.pid);
            }
        }
        self.queue = waiting;
        granted
    }
}

impl Locks {
    /// Takes a lock if nobody is in the way.
    pub(crate) fn take(&mut self, owner: Owner, tag: Tag, mode: Mode, span: Span) -> bool {
        let lock = self.locks.entry(tag).or_default();
        let holds = lock.grants.iter().any(|g| g.owner == owner && g.mode == mode);
        let behind = !lock.grants.iter().any(|g| g.owner == owner)
            && lock.queue.iter().any(|request| request.mode.conflicts(mode));
        let free = holds || (!behind && !lock.conflicts(owner, mode));
        if free {
            lock.grant(owner, mode, span);
        } else if lock.grants.is_empty() && lock.queue.is_empty() {
            self.locks.remove(&tag);
        }
        free
    }

    /// Waits for a lock. Whoever holds one on the same object already goes ahead of those whom
    /// that keeps waiting, which would otherwise be a deadlock at once.
    pub(crate) fn enqueue(&mut self, pid: i32, tag: Tag, mode: Mode, span: Span) {
        let lock = self.locks.entry(tag).or_default();
        let mine: Vec<_> =
            lock.grants.iter().filter(|g| g.owner == Owner::Backend(pid)).map(|g| g.mode).collect();
        let ahead_of = lock
            .queue
            .iter()
            .position(|request| mine.iter().any(|mode| mode.conflicts(request.mode)));
        let at = ahead_of.unwrap_or(lock.queue.len());
        lock.queue.insert(at, Request { pid, mode, span });
    }

    pub(crate) fn is_waiting(&self, pid: i32, tag: Tag) -> bool {
        self.locks.get(&tag).is_some_and(|lock| lock.queue.iter().any(|r| r.pid == pid))
    }

    /// Gives up waiting. Says who was granted what by that.
    pub(crate) fn give_up(&mut self, pid: i32, tag: Tag) -> Vec<i32> {
        self.change(tag, |lock| lock.queue.retain(|request| request.pid != pid))
    }

    /// Gives one taking of a lock back; nothing if it was not held. Says who was granted what
    /// by that.
    pub(crate) fn release(
        &mut self,
        owner: Owner,
        tag: Tag,
        mode: Mode,
        span: Span,
    ) -> Option<Vec<i32>> {
        let mut held = false;
        let granted = self.change(tag, |lock| {
            if let Some(grant) = lock.grants.iter_mut().find(|g| g.owner == owner && g.mode == mode)
            {
                let count = match span {
                    Span::Transaction => &mut grant.xact,
                    Span::Session => &mut grant.session,
                };
                held = *count > 0;
                *count = count.saturating_sub(1);
            }
        });
        held.then_some(granted)
    }

    /// Gives all back that an owner holds, for the transaction only or also for the session.
    pub(crate) fn release_all(&mut self, owner: Owner, also_session: bool) -> Vec<i32> {
        let held: Vec<_> = self
            .locks
            .iter()
            .filter(|(_, lock)| lock.grants.iter().any(|grant| grant.owner == owner))
            .map(|(tag, _)| *tag)
            .collect();
        let mut granted = Vec::new();
        for tag in held {
            granted.extend(self.change(tag, |lock| {
                for grant in lock.grants.iter_mut().filter(|grant| grant.owner == owner) {
                    grant.xact = 0;
                    if also_session {
                        grant.session = 0;
                    }
                }
            }));
        }
        granted
    }

    /// Gives back the session's own advisory locks.
    pub(crate) fn release_session(&mut self, owner: Owner) -> Vec<i32> {
        let tags: Vec<_> = self.locks.keys().copied().collect();
        let mut granted = Vec::new();
        for tag in tags {
            granted.extend(self.change(tag, |lock| {
                lock.grants.iter_mut().filter(|g| g.owner == owner).for_each(|g| g.session = 0);
            }));
        }
        granted
    }

    /// What an owner holds for its transaction.
    pub(crate) fn held(&self, owner: Owner) -> Vec<(Tag, Mode)> {
        let all = self
            .locks
            .iter()
            .flat_map(|(tag, lock)| lock.grants.iter().map(move |grant| (*tag, grant)));
        all.filter(|(_, grant)| grant.owner == owner && grant.xact > 0)
            .map(|(tag, grant)| (tag, grant.mode))
            .collect()
    }

    /// Whether one object is locked for both the session and the transaction.
    pub(crate) fn is_held_twice(&self, owner: Owner) -> bool {
        self.locks.values().any(|lock| {
            let mut mine = lock.grants.iter().filter(|grant| grant.owner == owner);
            let (mut xact, mut session) = (false, false);
            mine.by_ref().for_each(|grant| {
                xact |= grant.xact > 0;
                session |= grant.session > 0;
            });
            xact && session
        })
    }

    /// Hands the locks of a transaction to what it was prepared as.
    pub(crate) fn hand_over(&mut self, pid: i32, xid: u64) {
        for lock in self.locks.values_mut() {
            let mut handed = Vec::new();
            for grant in &mut lock.grants {
                if grant.owner == Owner::Backend(pid) && grant.xact > 0 {
                    handed.push(Grant { owner: Owner::Prepared(xid), session: 0, ..grant.clone() });
                    grant.xact = 0;
                }
            }
            lock.grants.extend(handed);
            lock.grants.retain(|grant| grant.xact + grant.session > 0);
        }
    }

    /// Whom a backend waits for: processes, 0 for each prepared transaction.
    pub(crate) fn blockers(&self, pid: i32) -> Vec<i32> {
        let mut pids = Vec::new();
        for blocker in self.waits_for(pid) {
            let pid = match blocker {
                Owner::Backend(pid) => pid,
                Owner::Prepared(_) => 0,
            };
            if pid == 0 || !pids.contains(&pid) {
                pids.push(pid);
            }
        }
        pids
    }

    fn change(&mut self, tag: Tag, change: impl FnOnce(&mut Lock)) -> Vec<i32> {
        let Some(lock) = self.locks.get_mut(&tag) else { return Vec::new() };
        change(lock);
        lock.grants.retain(|grant| grant.xact + grant.session > 0);
        let granted = lock.advance();
        if lock.grants.is_empty() && lock.queue.is_empty() {
            self.locks.remove(&tag);
        }
        granted
    }
}
