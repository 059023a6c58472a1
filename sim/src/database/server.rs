//! The server side: takes requests, writes ahead, applies, answers.
//!
//! A failed write ends the server, as it ends a Postgres (it panics when a sync fails): it
//! comes back by reading what its disk really holds.

mod serve;

use std::io;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use futures::future::select;
use indoubt::{BranchGid, Clock, Decision, Ending, OnePhase};

use super::durable::{Durable, Milestone, Recorded};
use super::locks::Locks;
use super::store::{EndedBy, Record, SessionState, Store, Worked};
use super::wire::{Message, Reply, Request, Xid};
use crate::bend::Drive;
use crate::history::{Event, Tx, VoteKind};
use crate::journal::Journal;
use crate::lock::lock;
use crate::net::{Endpoint, NodeId};
use crate::parts::{FOREIGN, Op, Site};
use crate::story::AtBranch;
use crate::turns::Turns;

/// One life of a participant's server.
pub struct Server {
    site: Site,
    recorded: Recorded,
    endpoint: Endpoint<Message>,
    store: Mutex<Store>,
    /// Every record, in order, as a standby receives them, if there is one.
    applied: Mutex<Vec<Record>>,
    wal: Turns<Journal<Drive, Record>>,
}

impl Server {
    /// Starts a server on what its disk holds; on an empty disk, with this.
    ///
    /// # Errors
    /// Those of the disk; try again.
    pub(super) async fn start(
        site: Site,
        disk: Drive,
        endpoint: Endpoint<Message>,
        (first, recorded): (Durable, Recorded),
    ) -> Result<Self, (Endpoint<Message>, io::Error)> {
        let (wal, records) = match Journal::open(disk, || first.0).await {
            Ok(opened) => opened,
            Err(error) => return Err((endpoint, error)),
        };
        let store = Mutex::new(Store::new(Locks::new(site.p, site.locks.clone())));
        let (applied, wal) = (Mutex::default(), Turns::new(wal));
        let server = Self { site, recorded, endpoint, store, applied, wal };
        for record in &records {
            server.apply(record);
        }
        let starts = server.store().starts + 1;
        match server.write(&Record::Started(starts)).await {
            Ok(()) => Ok(server),
            Err(error) => Err((server.endpoint, error)),
        }
    }

    /// An operator ends this branch, if it is prepared.
    ///
    /// # Errors
    /// Those of the disk, which end the server.
    pub(crate) async fn operator_ends(&self, gid: &str, commit: bool) -> io::Result<()> {
        self.end_prepared(gid, commit, EndedBy::Operator).await.map(drop)
    }

    /// What a standby has, if it has received everything, and what of it is in the history.
    pub fn copy(&self) -> (Durable, Recorded) {
        let records = lock(&self.applied).clone();
        (Durable(records), self.recorded.copy())
    }

    /// What there is of a branch.
    pub(crate) fn branch(&self, xid: Xid) -> AtBranch {
        self.store().branch(xid)
    }

    /// A session ends, and with it what it has not prepared.
    pub(crate) fn end_session(&self, xid: Xid) {
        let mut store = self.store();
        let gid = store.sessions.get(&xid).map(|session| session.gid.gid.clone());
        store.roll_back_session(xid);
        if let Some(gid) = gid {
            self.site.events.record(Event::Expired { tx: Tx::of(&gid), p: self.site.p });
        }
    }

    /// Ends every session that has been idle for this long.
    pub(crate) fn end_idle(&self, idle: Duration) {
        let since = self.site.clock.now().saturating_sub(idle);
        loop {
            let idle = self.store().idle_session(since);
            let Some(xid) = idle else { return };
            self.end_session(xid);
        }
    }

    async fn serve(&self, from: NodeId, message: Message) -> io::Result<()> {
        let Some((to, request)) = message.into_request() else { return Ok(()) };
        if self.site.rival == Some(from) {
            self.watch_rival(&request);
        }
        if let Some(reply) = self.reply_to(request).await? {
            self.endpoint.send(from, to.with(reply));
        }
        Ok(())
    }

    /// Another process under the same id may look at what is prepared, and end none of it.
    fn watch_rival(&self, request: &Request) {
        if let Request::Resolve { gid, .. } = request
            && let Some(tx) = self.ours(&gid.to_string())
            && self.store().prepared.contains_key(&gid.to_string())
        {
            self.site.events.record(Event::Trespassed { tx, p: self.site.p });
        }
    }

    /// `None` leaves the request unanswered: another copy of it is at work.
    async fn reply_to(&self, request: Request) -> io::Result<Option<Reply>> {
        let now = self.site.clock.now();
        Ok(Some(match request {
            Request::Begin { gid } => Reply::Begun(self.store().begin(gid, now)),
            Request::Work { xid, step, op } => return Ok(self.work(xid, step, op).await),
            Request::Prepare { xid } => return self.prepare(xid).await,
            Request::CommitOnePhase { xid } => return self.commit_one_phase(xid).await,
            Request::Inquire { xid } => Reply::OnePhase(self.inquire(xid)),
            Request::Finish { xid, gid, decision } => self.finish(xid, &gid, decision).await?,
            Request::Resolve { gid, decision, receipt } => {
                self.resolve(&gid.to_string(), decision, receipt, EndedBy::Recovery).await?
            }
            Request::List => Reply::Prepared(self.store().prepared.keys().cloned().collect()),
        }))
    }

    async fn work(&self, xid: Xid, step: u32, op: Op) -> Option<Reply> {
        let timeout = self.site.locks.timeout();
        let work = |waits| self.store().work(xid, step, op, (self.site.clock.now(), waits));
        let mut worked = work(!timeout.is_zero());
        if let Worked::Waits(granted) = worked {
            // Rare, and large.
            let patience = self.site.clock.sleep(timeout);
            Box::pin(async { drop(select(granted, pin!(patience)).await) }).await;
            worked = work(false);
        }
        match worked {
            Worked::Done(Ok(value)) => Some(Reply::Value(value)),
            Worked::Done(Err(refusal)) => Some(Reply::Refused(refusal)),
            Worked::Waits(_) | Worked::AtWork => None,
        }
    }

    async fn prepare(&self, xid: Xid) -> io::Result<Option<Reply>> {
        let record = {
            let mut store = self.store();
            let Some(session) = store.sessions.get(&xid) else {
                let prepared = store.prepared.values().any(|branch| branch.xid == xid);
                return Ok(Some(if prepared { Reply::Yes } else { Reply::No }));
            };
            let (tx, gid) = (Tx::of(&session.gid.gid), session.gid.to_string());
            if session.state == SessionState::Busy {
                return Ok(None);
            }
            if session.writes.is_empty() {
                store.roll_back_session(xid);
                self.site.events.record(Event::Voted {
                    tx,
                    p: self.site.p,
                    vote: VoteKind::ReadOnly,
                });
                return Ok(Some(Reply::ReadOnly));
            }
            let (ok, taken) = (session.can_commit(), store.taken_slots());
            let free = || self.site.slots.is_free(taken.saturating_sub(FOREIGN.len()));
            if !ok || store.prepared.contains_key(&gid) || !free() {
                store.roll_back_session(xid);
                self.site.events.record(Event::Voted { tx, p: self.site.p, vote: VoteKind::No });
                return Ok(Some(Reply::No));
            }
            let writes = session.writes.clone();
            store.set_busy(xid);
            Record::Prepared { xid, gid, writes }
        };
        self.write(&record).await?;
        Ok(Some(Reply::Yes))
    }

    async fn commit_one_phase(&self, xid: Xid) -> io::Result<Option<Reply>> {
        let record = {
            let mut store = self.store();
            let Some(session) = store.sessions.get(&xid) else {
                return Ok(Some(Reply::OnePhase(store.one_phase(xid))));
            };
            if session.state == SessionState::Busy {
                return Ok(None);
            }
            if session.writes.is_empty() {
                store.roll_back_session(xid);
                return Ok(Some(Reply::OnePhase(OnePhase::Committed)));
            }
            if !session.can_commit() {
                let tx = Tx::of(&session.gid.gid);
                store.roll_back_session(xid);
                self.site.events.record(Event::Voted { tx, p: self.site.p, vote: VoteKind::No });
                return Ok(Some(Reply::OnePhase(OnePhase::RolledBack)));
            }
            let (gid, writes) = (session.gid.to_string(), session.writes.clone());
            store.set_busy(xid);
            Record::OnePhase { xid, gid, writes }
        };
        self.write(&record).await?;
        Ok(Some(Reply::OnePhase(OnePhase::Committed)))
    }

    fn inquire(&self, xid: Xid) -> OnePhase {
        let store = self.store();
        // The commit may still be on its way to the session.
        if store.sessions.contains_key(&xid) { OnePhase::Unknown } else { store.one_phase(xid) }
    }

    async fn finish(&self, xid: Xid, gid: &BranchGid, decision: Decision) -> io::Result<Reply> {
        {
            let mut store = self.store();
            match (store.sessions.get(&xid).map(|session| session.state), decision) {
                (Some(SessionState::Active), Decision::Abort) => {
                    store.roll_back_session(xid);
                    return Ok(Reply::Ended(Ending::AsDecided));
                }
                (Some(_), _) => return Ok(Reply::Busy),
                (None, _) => {}
            }
        }
        self.resolve(&gid.to_string(), decision, Some(xid), EndedBy::Coordinator).await
    }

    async fn resolve(
        &self,
        gid: &str,
        decision: Decision,
        receipt: Option<Xid>,
        by: EndedBy,
    ) -> io::Result<Reply> {
        let commit = decision == Decision::Commit;
        let prepared = self.store().prepared.contains_key(gid);
        if prepared {
            let ended = self.end_prepared(gid, commit, by).await?;
            return Ok(if ended { Reply::Ended(Ending::AsDecided) } else { Reply::Busy });
        }
        let known = receipt.and_then(|xid| self.store().ended.get(&xid).copied());
        Ok(Reply::Ended(match (decision, known) {
            (Decision::Commit, Some(true)) | (Decision::Abort, Some(false) | None) => {
                Ending::Earlier
            }
            (Decision::Commit, Some(false)) | (Decision::Abort, Some(true)) => Ending::Heuristic,
            (Decision::Commit, None) => Ending::Untold,
        }))
    }

    /// False if another request is ending it.
    async fn end_prepared(&self, gid: &str, committed: bool, by: EndedBy) -> io::Result<bool> {
        match self.store().prepared.get_mut(gid) {
            Some(branch) if !branch.busy => branch.busy = true,
            _ => return Ok(false),
        }
        self.write(&Record::Ended { gid: gid.to_owned(), committed, by }).await?;
        Ok(true)
    }

    /// Writes a record, and applies it when it is durable.
    async fn write(&self, record: &Record) -> io::Result<()> {
        self.wal.take().await.write(record).await?;
        self.apply(record);
        Ok(())
    }

    fn apply(&self, record: &Record) {
        let news = self.news(record);
        self.store().apply(record);
        if self.site.has_standby {
            lock(&self.applied).push(record.clone());
        }
        // Last, for a fault may wait for it, and then everything is as the history says.
        if let Some((milestone, event)) = news
            && self.recorded.is_news(milestone)
        {
            self.site.events.record(event);
        }
    }

    /// What has become durable with a record that is about to be applied.
    fn news(&self, record: &Record) -> Option<(Milestone, Event)> {
        let p = self.site.p;
        let ours = |gid: &String| self.ours(gid);
        Some(match record {
            Record::Prepared { gid, .. } => {
                let tx = ours(gid)?;
                (Milestone::Prepared(tx), Event::Voted { tx, p, vote: VoteKind::Yes })
            }
            Record::Ended { gid, committed, by } => {
                let xid = self.store().prepared.get(gid).map(|branch| branch.xid);
                let (tx, xid) = ours(gid).zip(xid)?;
                let (committed, one_phase) = (*committed, false);
                let event = match by {
                    EndedBy::Operator => Event::OperatorEnded { tx, p, committed },
                    by => {
                        let by_recovery = *by == EndedBy::Recovery;
                        Event::Ended { tx, p, committed, one_phase, by_recovery }
                    }
                };
                (Milestone::Ended(tx, xid), event)
            }
            Record::OnePhase { gid, xid, .. } => {
                let tx = ours(gid)?;
                let (committed, one_phase, by_recovery) = (true, true, false);
                let event = Event::Ended { tx, p, committed, one_phase, by_recovery };
                (Milestone::Ended(tx, *xid), event)
            }
            Record::Forgot { nth } => (Milestone::Forgot(*nth), Event::Forgot { p }),
            Record::Started(_) | Record::Row(..) => return None,
        })
    }

    /// The transaction, if the gid is one of the coordinator under test.
    fn ours(&self, gid: &str) -> Option<Tx> {
        if FOREIGN.contains(&gid) {
            return None;
        }
        let branch: BranchGid = gid.parse().ok()?;
        (branch.gid.coordinator == self.site.owner).then(|| Tx::of(&branch.gid))
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }
}
