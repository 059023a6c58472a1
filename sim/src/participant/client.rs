//! The client side of a simulated participant: what a driver is to a real database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use indoubt::{
    BeginError, BranchGid, CoordinatorId, Decision, Ending, Lost, OnePhase, OnePhaseVote,
    Participant, Receipt, Vote,
};

use super::rpc::Rpc;
use super::wire::{Op, Refusal, Reply, Request, Xid};
use crate::net::NodeId;
use crate::world::Desk;

/// A simulated participant, seen from a coordinator's process.
#[derive(Clone)]
pub struct SimParticipant {
    name: Arc<str>,
    node: NodeId,
    rpc: Rpc,
    desk: Option<Desk>,
}

impl SimParticipant {
    /// The participant of this name, which serves at this node.
    pub fn new(name: &str, node: NodeId, rpc: Rpc) -> Self {
        Self { name: name.into(), node, rpc, desk: None }
    }

    /// The same, whose requests beside the client's own are left at a desk, if there is one.
    pub(crate) fn by_way_of(self, desk: Option<Desk>) -> Self {
        Self { desk, ..self }
    }

    /// A request of the client's work.
    async fn send(&self, request: Request) -> Reply {
        self.rpc.call(self.node, request).await
    }

    /// A request of the protocol, about a branch if it is about one.
    async fn call(&self, about: Option<&BranchGid>, request: Request) -> Result<Reply, Lost> {
        if let Some(desk) = &self.desk
            && let Some(decided) = desk.ask(self.node, about, &request).await
        {
            return decided.ok_or_else(|| Lost::new("it is lost, by order"));
        }
        Ok(self.send(request).await)
    }

    async fn end(&self, gid: &BranchGid, request: Request) -> Result<Ending, Lost> {
        match self.call(Some(gid), request).await? {
            Reply::Ended(ending) => Ok(ending),
            Reply::Busy => Err(Lost::new("another session is at work on the branch")),
            other => Err(unexpected(&other)),
        }
    }
}

/// An open branch at a simulated participant.
pub struct SimBranch {
    gid: BranchGid,
    xid: Xid,
    at: SimParticipant,
    steps: AtomicU32,
}

impl SimBranch {
    /// The participant's own number of it.
    pub(crate) const fn xid(&self) -> Xid {
        self.xid
    }

    /// Does one piece of work. It has no deadline of its own: bound it.
    ///
    /// # Errors
    /// [`WorkError`]; the branch can then only be rolled back.
    pub async fn work(&self, op: Op) -> Result<Option<i64>, WorkError> {
        let step = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        match self.at.send(Request::Work { xid: self.xid, step, op }).await {
            Reply::Value(value) => Ok(value),
            Reply::Refused(refusal) => Err(WorkError(refusal)),
            _ => Err(WorkError(Refusal::NoSession)),
        }
    }
}

/// A participant would not do a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct WorkError(Refusal);

impl Participant for SimParticipant {
    type Branch = SimBranch;

    fn name(&self) -> &str {
        &self.name
    }

    async fn begin(&self, gid: &BranchGid) -> Result<SimBranch, BeginError> {
        match self.send(Request::Begin { gid: gid.clone() }).await {
            Reply::Begun(xid) => {
                Ok(SimBranch { gid: gid.clone(), xid, at: self.clone(), steps: AtomicU32::new(0) })
            }
            other => Err(BeginError::new(unexpected(&other).to_string())),
        }
    }

    async fn prepare(&self, branch: &SimBranch) -> Result<Vote, Lost> {
        match self.call(Some(&branch.gid), Request::Prepare { xid: branch.xid }).await? {
            Reply::Yes => Ok(Vote::Yes(receipt(branch.xid))),
            Reply::ReadOnly => Ok(Vote::ReadOnly),
            Reply::No => Ok(Vote::No(
                "the branch violates a deferred constraint, or its session is gone".to_owned(),
            )),
            other => Err(unexpected(&other)),
        }
    }

    async fn commit_one_phase(&self, branch: &SimBranch) -> Result<OnePhaseVote, Lost> {
        match self.call(Some(&branch.gid), Request::CommitOnePhase { xid: branch.xid }).await? {
            Reply::OnePhase(OnePhase::Committed) => Ok(OnePhaseVote::Committed),
            Reply::OnePhase(OnePhase::RolledBack) => {
                Ok(OnePhaseVote::RolledBack("the session is gone".to_owned()))
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn inquire(&self, branch: &SimBranch) -> Result<OnePhase, Lost> {
        match self.call(Some(&branch.gid), Request::Inquire { xid: branch.xid }).await? {
            Reply::OnePhase(end) => Ok(end),
            other => Err(unexpected(&other)),
        }
    }

    async fn finish(&self, branch: &SimBranch, decision: Decision) -> Result<Ending, Lost> {
        let gid = branch.gid.clone();
        self.end(&branch.gid, Request::Finish { xid: branch.xid, gid, decision }).await
    }

    async fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Lost> {
        let receipt =
            receipt.as_bytes().try_into().ok().map(|bytes| Xid(u64::from_be_bytes(bytes)));
        self.end(gid, Request::Resolve { gid: gid.clone(), decision, receipt }).await
    }

    /// Lists everybody's branches, as a careless implementation would: keeping to its own is
    /// the coordinator's duty too.
    async fn in_doubt(&self, _owner: &CoordinatorId) -> Result<Vec<BranchGid>, Lost> {
        match self.call(None, Request::List).await? {
            Reply::Prepared(gids) => Ok(gids.iter().filter_map(|gid| gid.parse().ok()).collect()),
            other => Err(unexpected(&other)),
        }
    }
}

fn receipt(xid: Xid) -> Receipt {
    Receipt::new(xid.0.to_be_bytes()).unwrap_or_default()
}

fn unexpected(reply: &Reply) -> Lost {
    Lost::new(format!("an unexpected reply: {reply:?}"))
}
