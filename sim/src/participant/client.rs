//! The client side of a simulated participant: what a driver is to a real database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use indoubt::{
    BeginError, BranchGid, CoordinatorId, Decision, Ending, Lost, OnePhase, OnePhaseVote,
    Participant, Receipt, Vote,
};

use super::rpc::Rpc;
use super::wire::{Op, Refusal, Reply, Request, Xid};
use crate::history::{Ask, Event, Heard, Place};
use crate::net::NodeId;
use crate::workload::tx;
use crate::world::{Desk, Witness};

/// A simulated participant, seen from a coordinator's process.
#[derive(Clone)]
pub struct SimParticipant {
    p: u8,
    name: Arc<str>,
    node: NodeId,
    rpc: Rpc,
    witness: Witness,
    desk: Option<Desk>,
}

impl SimParticipant {
    /// The participant of this number, which serves at this node.
    pub fn new(p: u8, node: NodeId, rpc: Rpc, witness: Witness) -> Self {
        let name = Place::Participant(p).to_string().into();
        Self { p, name, node, rpc, witness, desk: None }
    }

    /// The same, whose requests beside the client's own are left at a desk, if there is one.
    pub(crate) fn by_way_of(self, desk: Option<Desk>) -> Self {
        Self { desk, ..self }
    }

    /// Asks something about a branch, before the eyes of the witness.
    async fn ask<T>(
        &self,
        gid: &BranchGid,
        ask: Ask,
        request: Request,
        understand: impl FnOnce(Reply) -> Result<(T, Heard), Lost>,
    ) -> Result<T, Lost> {
        let (tx, p, by) = (tx(&gid.gid), self.p, self.witness.by());
        self.witness.record(Event::Asked { tx, p, by, ask });
        let answer = async { understand(self.call(Some(gid), request).await?) };
        let came = |answer: &Result<(T, Heard), Lost>| {
            let heard = answer.as_ref().map_or(Heard::Lost, |(_, heard)| *heard);
            Event::Heard { tx, p, by, ask, heard }
        };
        let answer = self.witness.wait(answer, came, Event::GaveUp { tx, p, by, ask }).await;
        answer.map(|(answer, _)| answer)
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

    async fn end(&self, gid: &BranchGid, ask: Ask, request: Request) -> Result<Ending, Lost> {
        self.ask(gid, ask, request, |reply| match reply {
            Reply::Ended(ending) => Ok((ending, heard(ending))),
            Reply::Busy => Err(Lost::new("another session is at work on the branch")),
            other => Err(unexpected(&other)),
        })
        .await
    }
}

const fn heard(ending: Ending) -> Heard {
    match ending {
        Ending::AsDecided | Ending::Earlier => Heard::AsDecided,
        Ending::Heuristic => Heard::Heuristic,
        Ending::Untold => Heard::Untold,
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
        let request = Request::Prepare { xid: branch.xid };
        self.ask(&branch.gid, Ask::Prepare, request, |reply| match reply {
            Reply::Yes => Ok((Vote::Yes(receipt(branch.xid)), Heard::Yes)),
            Reply::ReadOnly => Ok((Vote::ReadOnly, Heard::ReadOnly)),
            Reply::No => {
                let reason = "the branch violates a deferred constraint, or its session is gone";
                Ok((Vote::No(reason.into()), Heard::No))
            }
            other => Err(unexpected(&other)),
        })
        .await
    }

    async fn commit_one_phase(&self, branch: &SimBranch) -> Result<OnePhaseVote, Lost> {
        let request = Request::CommitOnePhase { xid: branch.xid };
        self.ask(&branch.gid, Ask::OnePhase, request, |reply| match reply {
            Reply::OnePhase(OnePhase::Committed) => Ok((OnePhaseVote::Committed, Heard::Committed)),
            Reply::OnePhase(OnePhase::RolledBack) => {
                let reason = "the session is gone";
                Ok((OnePhaseVote::RolledBack(reason.into()), Heard::RolledBack))
            }
            other => Err(unexpected(&other)),
        })
        .await
    }

    async fn inquire(&self, branch: &SimBranch) -> Result<OnePhase, Lost> {
        let request = Request::Inquire { xid: branch.xid };
        self.ask(&branch.gid, Ask::Inquire, request, |reply| match reply {
            Reply::OnePhase(end) => {
                let heard = match end {
                    OnePhase::Committed => Heard::Committed,
                    OnePhase::RolledBack => Heard::RolledBack,
                    OnePhase::Unknown => Heard::Unknown,
                    OnePhase::Untold => Heard::Untold,
                };
                Ok((end, heard))
            }
            other => Err(unexpected(&other)),
        })
        .await
    }

    async fn finish(&self, branch: &SimBranch, decision: Decision) -> Result<Ending, Lost> {
        let ask = match decision {
            Decision::Commit => Ask::Commit,
            Decision::Abort => Ask::Abort,
        };
        let request = Request::Finish { xid: branch.xid, gid: branch.gid.clone(), decision };
        self.end(&branch.gid, ask, request).await
    }

    async fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Lost> {
        let receipt =
            receipt.as_bytes().try_into().ok().map(|bytes| Xid(u64::from_be_bytes(bytes)));
        let ask = match decision {
            Decision::Commit => Ask::RecoverCommit,
            Decision::Abort => Ask::RecoverAbort,
        };
        self.end(gid, ask, Request::Resolve { gid: gid.clone(), decision, receipt }).await
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
