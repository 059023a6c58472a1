//! The edges of a coordinator's process at which its calls are left at its desk: its log, and its
//! line to the participants.

use std::sync::Arc;

use indoubt::{
    BranchGid, Commit, CoordinatorId, DecisionLog, Entry, ForceError, Gid, Lineage, LogError, Lost,
    Origin,
};

use super::desk::{Desk, LogCall};
use crate::database::{Line, Reply, Request};
use crate::edge::Watched;
use crate::net::NodeId;
use crate::rpc::Rpc;

/// A log whose calls are left at a desk.
pub(super) struct DeskLog<L> {
    pub(super) log: Watched<L>,
    pub(super) desk: Desk,
}

impl<L: DecisionLog> DecisionLog for DeskLog<L> {
    fn coordinator(&self) -> &CoordinatorId {
        self.log.coordinator()
    }

    fn epoch(&self) -> u64 {
        self.log.epoch()
    }

    fn lineage(&self) -> Lineage {
        self.log.lineage()
    }

    fn origin(&self, gid: &Gid) -> Origin {
        self.log.origin(gid)
    }

    async fn force(&self, commit: &Arc<Commit>) -> Result<(), ForceError> {
        self.log.announce(commit);
        let call = |answer| LogCall::Force { commit: commit.clone(), answer };
        match self.desk.log(self.epoch(), call).await {
            Some(decided) => decided,
            None => self.log.carry_out(commit).await,
        }
    }

    async fn forget(&self, gid: &Gid) -> Result<(), LogError> {
        let call = |answer| LogCall::Forget { gid: gid.clone(), answer };
        match self.desk.log(self.epoch(), call).await {
            Some(decided) => decided,
            None => self.log.forget(gid).await,
        }
    }

    fn has_ended(&self, up_to: &Gid) {
        self.log.has_ended(up_to);
    }

    async fn flush(&self) -> Result<(), LogError> {
        self.log.flush().await
    }

    async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        let call = |answer| LogCall::Read { gid: gid.clone(), answer };
        match self.desk.log(self.epoch(), call).await {
            Some(decided) => decided,
            None => self.log.read(gid).await,
        }
    }

    async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        match self.desk.log(self.epoch(), |answer| LogCall::Unfinished { answer }).await {
            Some(decided) => decided,
            None => self.log.unfinished().await,
        }
    }
}

/// A line on which the protocol's requests are left at a desk. A client's own work goes its
/// ordinary way.
#[derive(Clone)]
pub(super) struct DeskLine {
    pub(super) rpc: Rpc<Request, Reply>,
    pub(super) desk: Desk,
}

impl Line for DeskLine {
    fn send(&self, to: NodeId, request: Request) -> impl Future<Output = Reply> + Send {
        self.rpc.call(to, request)
    }

    async fn ask(
        &self,
        to: NodeId,
        about: Option<&BranchGid>,
        request: Request,
    ) -> Result<Reply, Lost> {
        match self.desk.ask(to, about, &request).await {
            Some(decided) => decided.ok_or_else(|| Lost::new("it is lost, by order")),
            None => Ok(self.rpc.call(to, request).await),
        }
    }
}
