//! A hosted participant as a coordinator's process has it: every call is sent to its node.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use indoubt::{
    BeginError, BranchGid, CoordinatorId, Decision, Ending, Lost, OnePhase, OnePhaseVote,
    Participant, Receipt, Vote,
};

use super::wire::{Reply, Request, SessionId};
use crate::edge::Witness;
use crate::history::{Ask, Heard, Place};
use crate::net::NodeId;
use crate::parts::{WorkRefused, Works};
use crate::rpc::Rpc;

/// A hosted participant, seen from a coordinator's process.
pub struct Remote<O> {
    p: u8,
    name: Arc<str>,
    node: NodeId,
    rpc: Rpc<Request<O>, Reply>,
    witness: Witness,
}

// Derived, it would ask the same of the work.
impl<O> Clone for Remote<O> {
    fn clone(&self) -> Self {
        Self {
            p: self.p,
            name: self.name.clone(),
            node: self.node,
            rpc: self.rpc.clone(),
            witness: self.witness.clone(),
        }
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
    pub(super) fn new(p: u8, node: NodeId, rpc: Rpc<Request<O>, Reply>, witness: Witness) -> Self {
        let name = Place::Participant(p).to_string().into();
        Self { p, name, node, rpc, witness }
    }

    /// Asks something about a branch, before the eyes of the witness.
    async fn ask<T>(
        &self,
        gid: &BranchGid,
        ask: Ask,
        request: Request<O>,
        understand: impl FnOnce(Reply) -> Result<(T, Heard), Lost>,
    ) -> Result<T, Lost> {
        let answer = async { understand(self.rpc.call(self.node, request).await) };
        self.witness.asks(gid, self.p, ask, answer).await
    }

    async fn end(&self, gid: &BranchGid, ask: Ask, request: Request<O>) -> Result<Ending, Lost> {
        self.ask(gid, ask, request, |reply| match reply {
            Reply::Ended(ending) => Ok((ending, Heard::end(ending))),
            other => Err(lost(other)),
        })
        .await
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
        match self.at.rpc.call(self.at.node, request).await {
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
        match self.rpc.call(self.node, Request::Begin { gid: gid.clone() }).await {
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
        self.ask(&branch.gid, Ask::Prepare, request, |reply| match reply {
            Reply::Voted(vote) => {
                let heard = match vote {
                    Vote::Yes(_) => Heard::Yes,
                    Vote::ReadOnly => Heard::ReadOnly,
                    Vote::No(_) => Heard::No,
                };
                Ok((vote, heard))
            }
            other => Err(lost(other)),
        })
        .await
    }

    async fn commit_one_phase(&self, branch: &RemoteBranch<O>) -> Result<OnePhaseVote, Lost> {
        let request = Request::CommitOnePhase { session: branch.session, gid: branch.gid.clone() };
        self.ask(&branch.gid, Ask::OnePhase, request, |reply| match reply {
            Reply::OnePhaseVoted(vote) => {
                let heard = match vote {
                    OnePhaseVote::Committed => Heard::Committed,
                    OnePhaseVote::RolledBack(_) => Heard::RolledBack,
                };
                Ok((vote, heard))
            }
            other => Err(lost(other)),
        })
        .await
    }

    async fn inquire(&self, branch: &RemoteBranch<O>) -> Result<OnePhase, Lost> {
        let request = Request::Inquire { session: branch.session, gid: branch.gid.clone() };
        self.ask(&branch.gid, Ask::Inquire, request, |reply| match reply {
            Reply::OnePhase(end) => Ok((end, Heard::alone(end))),
            other => Err(lost(other)),
        })
        .await
    }

    async fn finish(&self, branch: &RemoteBranch<O>, decision: Decision) -> Result<Ending, Lost> {
        let (session, gid) = (branch.session, branch.gid.clone());
        let request = Request::Finish { session, gid, decision };
        self.end(&branch.gid, Ask::to(decision), request).await
    }

    async fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Lost> {
        let request = Request::Resolve { gid: gid.clone(), decision, receipt: receipt.clone() };
        self.end(gid, Ask::to_recover(decision), request).await
    }

    async fn in_doubt(&self, _: &CoordinatorId) -> Result<Vec<BranchGid>, Lost> {
        match self.rpc.call(self.node, Request::List).await {
            Reply::Prepared(gids) => Ok(gids),
            other => Err(lost(other)),
        }
    }
}
