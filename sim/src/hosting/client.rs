//! A hosted participant as a coordinator's process has it: every call is sent to its node.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use indoubt::{
    BeginError, BranchGid, CoordinatorId, Decision, Ending, Lost, OnePhase, OnePhaseVote,
    Participant, Receipt, Vote,
};

use super::wire::{Reply, Request, SessionId};
use crate::history::Place;
use crate::net::NodeId;
use crate::parts::{WorkRefused, Works};
use crate::rpc::Rpc;

/// A hosted participant, seen from a coordinator's process.
pub struct Remote<O> {
    name: Arc<str>,
    node: NodeId,
    rpc: Rpc<Request<O>, Reply>,
}

// Derived, it would ask the same of the work.
impl<O> Clone for Remote<O> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), node: self.node, rpc: self.rpc.clone() }
    }
}

/// An open branch at a hosted participant.
pub struct RemoteBranch<O> {
    gid: BranchGid,
    session: SessionId,
    at: Remote<O>,
    steps: AtomicU32,
}

impl<O: Clone + Send + Sync + 'static> Remote<O> {
    pub(super) fn new(p: u8, node: NodeId, rpc: Rpc<Request<O>, Reply>) -> Self {
        Self { name: Place::Participant(p).to_string().into(), node, rpc }
    }

    async fn ask(&self, request: Request<O>) -> Reply {
        self.rpc.call(self.node, request).await
    }

    async fn end(&self, request: Request<O>) -> Result<Ending, Lost> {
        match self.ask(request).await {
            Reply::Ended(ending) => Ok(ending),
            other => Err(lost(other)),
        }
    }
}

/// What a reply that is no answer leaves unknown.
fn lost(reply: Reply) -> Lost {
    match reply {
        Reply::Lost(reason) => Lost::new(reason),
        other => Lost::new(format!("an unexpected reply: {other:?}")),
    }
}

impl<O: Clone + Send + Sync + 'static> Works for RemoteBranch<O> {
    type Op = O;

    async fn work(&self, op: O) -> Result<Option<i64>, WorkRefused> {
        let step = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        let request = Request::Work { session: self.session, step, op };
        match self.at.ask(request).await {
            Reply::Worked(worked) => worked,
            _ => Err(WorkRefused::NoSession),
        }
    }
}

impl<O: Clone + Send + Sync + 'static> Participant for Remote<O> {
    type Branch = RemoteBranch<O>;

    fn name(&self) -> &str {
        &self.name
    }

    async fn begin(&self, gid: &BranchGid) -> Result<RemoteBranch<O>, BeginError> {
        match self.ask(Request::Begin { gid: gid.clone() }).await {
            Reply::Begun(session) => {
                let (gid, at) = (gid.clone(), self.clone());
                Ok(RemoteBranch { gid, session, at, steps: AtomicU32::new(0) })
            }
            Reply::NotBegun(reason) => Err(BeginError::new(reason)),
            other => Err(BeginError::new(lost(other).to_string())),
        }
    }

    async fn prepare(&self, branch: &RemoteBranch<O>) -> Result<Vote, Lost> {
        let request = Request::Prepare { session: branch.session, gid: branch.gid.clone() };
        match self.ask(request).await {
            Reply::Voted(vote) => Ok(vote),
            other => Err(lost(other)),
        }
    }

    async fn commit_one_phase(&self, branch: &RemoteBranch<O>) -> Result<OnePhaseVote, Lost> {
        let request = Request::CommitOnePhase { session: branch.session, gid: branch.gid.clone() };
        match self.ask(request).await {
            Reply::OnePhaseVoted(vote) => Ok(vote),
            other => Err(lost(other)),
        }
    }

    async fn inquire(&self, branch: &RemoteBranch<O>) -> Result<OnePhase, Lost> {
        let request = Request::Inquire { session: branch.session, gid: branch.gid.clone() };
        match self.ask(request).await {
            Reply::OnePhase(end) => Ok(end),
            other => Err(lost(other)),
        }
    }

    async fn finish(&self, branch: &RemoteBranch<O>, decision: Decision) -> Result<Ending, Lost> {
        let (session, gid) = (branch.session, branch.gid.clone());
        let request = Request::Finish { session, gid, decision };
        self.end(request).await
    }

    async fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Lost> {
        let request = Request::Resolve { gid: gid.clone(), decision, receipt: receipt.clone() };
        self.end(request).await
    }

    async fn in_doubt(&self, _: &CoordinatorId) -> Result<Vec<BranchGid>, Lost> {
        match self.ask(Request::List).await {
            Reply::Prepared(gids) => Ok(gids),
            other => Err(lost(other)),
        }
    }
}
