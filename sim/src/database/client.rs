//! The client side of a simulated participant: what a driver is to a real database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use indoubt::{
    BeginError, BranchGid, CoordinatorId, Decision, Ending, Lost, OnePhase, OnePhaseVote,
    Participant, Receipt, Vote,
};

use super::wire::{Reply, Request, Xid};
use crate::history::Place;
use crate::net::NodeId;
use crate::parts::{Op, WorkRefused, Works};
use crate::rpc::Rpc;

/// How requests reach participants, and replies come back.
pub trait Line: Clone + Send + Sync + 'static {
    /// Sends a request of the client's own work, and waits for its reply, if need be for ever.
    fn send(&self, to: NodeId, request: Request) -> impl Future<Output = Reply> + Send;

    /// The same of a request of the protocol, about a branch if it is about one.
    ///
    /// # Errors
    /// Somebody knows that there will be no reply.
    fn ask(
        &self,
        to: NodeId,
        about: Option<&BranchGid>,
        request: Request,
    ) -> impl Future<Output = Result<Reply, Lost>> + Send;
}

impl Line for Rpc<Request, Reply> {
    fn send(&self, to: NodeId, request: Request) -> impl Future<Output = Reply> + Send {
        self.call(to, request)
    }

    async fn ask(
        &self,
        to: NodeId,
        _: Option<&BranchGid>,
        request: Request,
    ) -> Result<Reply, Lost> {
        Ok(self.call(to, request).await)
    }
}

/// A simulated participant, seen from a coordinator's process.
#[derive(Clone)]
pub struct SimParticipant<L = Rpc<Request, Reply>> {
    name: Arc<str>,
    node: NodeId,
    line: L,
}

impl<L: Line> SimParticipant<L> {
    /// The participant of this number, which serves at this node.
    pub fn new(p: u8, node: NodeId, line: L) -> Self {
        Self { name: Place::Participant(p).to_string().into(), node, line }
    }

    /// Asks something about a branch.
    async fn ask(&self, gid: &BranchGid, request: Request) -> Result<Reply, Lost> {
        self.line.ask(self.node, Some(gid), request).await
    }

    async fn end(&self, gid: &BranchGid, request: Request) -> Result<Ending, Lost> {
        match self.ask(gid, request).await? {
            Reply::Ended(ending) => Ok(ending),
            Reply::Busy => Err(Lost::new("another session is at work on the branch")),
            other => Err(unexpected(&other)),
        }
    }
}

/// An open branch at a simulated participant.
pub struct SimBranch<L = Rpc<Request, Reply>> {
    gid: BranchGid,
    xid: Xid,
    at: SimParticipant<L>,
    steps: AtomicU32,
}

impl<L: Line> SimBranch<L> {
    /// The participant's own number of it.
    pub(crate) const fn xid(&self) -> Xid {
        self.xid
    }
}

impl<L: Line> Works for SimBranch<L> {
    type Op = Op;

    async fn work(&self, op: Op) -> Result<Option<i64>, WorkRefused> {
        let step = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        let request = Request::Work { xid: self.xid, step, op };
        match self.at.line.send(self.at.node, request).await {
            Reply::Value(value) => Ok(value),
            Reply::Refused(refused) => Err(refused),
            _ => Err(WorkRefused::NoSession),
        }
    }
}

impl<L: Line> Participant for SimParticipant<L> {
    type Branch = SimBranch<L>;

    fn name(&self) -> &str {
        &self.name
    }

    async fn begin(&self, gid: &BranchGid) -> Result<SimBranch<L>, BeginError> {
        match self.line.send(self.node, Request::Begin { gid: gid.clone() }).await {
            Reply::Begun(xid) => {
                Ok(SimBranch { gid: gid.clone(), xid, at: self.clone(), steps: AtomicU32::new(0) })
            }
            other => Err(BeginError::new(unexpected(&other).to_string())),
        }
    }

    async fn prepare(&self, branch: &SimBranch<L>) -> Result<Vote, Lost> {
        match self.ask(&branch.gid, Request::Prepare { xid: branch.xid }).await? {
            Reply::Yes => Ok(Vote::Yes(receipt(branch.xid))),
            Reply::ReadOnly => Ok(Vote::ReadOnly),
            Reply::No => {
                let reason = "the branch violates a deferred constraint, no slot is free for it, or its \
                     session is gone";
                Ok(Vote::No(reason.into()))
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn commit_one_phase(&self, branch: &SimBranch<L>) -> Result<OnePhaseVote, Lost> {
        match self.ask(&branch.gid, Request::CommitOnePhase { xid: branch.xid }).await? {
            Reply::OnePhase(OnePhase::Committed) => Ok(OnePhaseVote::Committed),
            Reply::OnePhase(OnePhase::RolledBack) => {
                Ok(OnePhaseVote::RolledBack("the session is gone".into()))
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn inquire(&self, branch: &SimBranch<L>) -> Result<OnePhase, Lost> {
        match self.ask(&branch.gid, Request::Inquire { xid: branch.xid }).await? {
            Reply::OnePhase(end) => Ok(end),
            other => Err(unexpected(&other)),
        }
    }

    async fn finish(&self, branch: &SimBranch<L>, decision: Decision) -> Result<Ending, Lost> {
        let request = Request::Finish { xid: branch.xid, gid: branch.gid.clone(), decision };
        self.end(&branch.gid, request).await
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
        match self.line.ask(self.node, None, Request::List).await? {
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
