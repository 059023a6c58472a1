//! The sessions of a hosted participant's node: each holds a branch until it has ended.
//!
//! Requests can come twice, and overtake each other. So a session says what it is at, and gives the
//! same answer again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use indoubt::{BranchGid, Receipt};

use super::wire::SessionId;
use crate::lock::lock;
use crate::parts::WorkRefused;

/// All sessions of one life.
pub(super) struct Sessions<B> {
    inner: Mutex<Inner<B>>,
}

struct Inner<B> {
    open: BTreeMap<SessionId, Session<B>>,
    last: SessionId,
}

/// One session.
pub(super) struct Session<B> {
    pub(super) gid: BranchGid,
    pub(super) branch: Arc<B>,
    pub(super) state: Standing,
    /// The last step of its work, and what came of it.
    done: (u32, Option<Result<Option<i64>, WorkRefused>>),
    used_at: Duration,
}

/// What a session is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Open to work.
    Active,
    /// A vote or an ending is being made.
    Busy,
    /// It has voted yes.
    Prepared(Receipt),
    /// Nobody knows what its prepare, or its commit, came to.
    Unknown,
}

/// A step of work.
pub(super) enum WorkStep<B> {
    /// To be done, at this branch.
    New(Arc<B>),
    /// Done before.
    Done(Result<Option<i64>, WorkRefused>),
    /// A copy of it is being done.
    Underway,
    /// There is no such session, or it takes no more work.
    NoSession,
}

impl<B> Sessions<B> {
    /// Of this life of the node, counted from 0.
    pub(super) fn of_life(life: u64) -> Self {
        Self { inner: Mutex::new(Inner { open: BTreeMap::new(), last: life << 32 }) }
    }

    pub(super) fn begin(&self, gid: BranchGid, branch: B, now: Duration) -> SessionId {
        let mut inner = self.inner();
        inner.last += 1;
        let id = inner.last;
        let (branch, state, done) = (Arc::new(branch), Standing::Active, (0, None));
        inner.open.insert(id, Session { gid, branch, state, done, used_at: now });
        id
    }

    /// A step is to be done.
    pub(super) fn step(&self, id: SessionId, step: u32, now: Duration) -> WorkStep<B> {
        let mut inner = self.inner();
        let session = inner.open.get_mut(&id).filter(|session| session.state == Standing::Active);
        let Some(session) = session else { return WorkStep::NoSession };
        session.used_at = now;
        match &session.done {
            (last, Some(done)) if *last >= step => WorkStep::Done(done.clone()),
            (last, None) if *last >= step => WorkStep::Underway,
            _ => {
                session.done = (step, None);
                WorkStep::New(session.branch.clone())
            }
        }
    }

    /// A step is done.
    pub(super) fn done(&self, id: SessionId, step: u32, result: Result<Option<i64>, WorkRefused>) {
        if let Some(session) = self.inner().open.get_mut(&id)
            && session.done.0 == step
        {
            session.done.1 = Some(result);
        }
    }

    /// What a session is at, if there is one.
    pub(super) fn state(&self, id: SessionId) -> Option<Standing> {
        self.inner().open.get(&id).map(|session| session.state.clone())
    }

    /// From here on the session answers to nothing but what is under way.
    pub(super) fn set(&self, id: SessionId, state: Standing) -> Option<Arc<B>> {
        let mut inner = self.inner();
        let session = inner.open.get_mut(&id)?;
        session.state = state;
        Some(session.branch.clone())
    }

    /// The session is over; a branch that is not prepared rolls back.
    pub(super) fn end(&self, id: SessionId) {
        let _branch = self.inner().open.remove(&id);
    }

    /// The same of every session of a branch.
    pub(super) fn end_all(&self, gid: &BranchGid) {
        let mut inner = self.inner();
        let of: Vec<_> =
            inner.open.iter().filter(|(_, one)| one.gid == *gid).map(|(id, _)| *id).collect();
        let _branches: Vec<_> = of.iter().filter_map(|id| inner.open.remove(id)).collect();
    }

    /// Ends a session that has been idle since before `since`, and says whose it was.
    pub(super) fn end_idle(&self, since: Duration) -> Option<BranchGid> {
        let mut inner = self.inner();
        let idle = |one: &Session<B>| one.state == Standing::Active && one.used_at < since;
        let id = inner.open.iter().find(|(_, one)| idle(one)).map(|(id, _)| *id)?;
        inner.open.remove(&id).map(|session| session.gid)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inner().open.is_empty()
    }

    fn inner(&self) -> MutexGuard<'_, Inner<B>> {
        lock(&self.inner)
    }
}
