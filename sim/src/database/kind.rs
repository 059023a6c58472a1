//! The simulated database as a kind of participant.

use std::io;

use super::{Durable, Message, Recorded, Reply, Request, Server, SimParticipant};
use crate::history::Place;
use crate::net::{Endpoint, NodeId};
use crate::parts::{Kind, Node};
use crate::rpc::Rpc;

/// The simulated database.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimKind;

impl Kind for SimKind {
    type Message = Message;
    type Line = Rpc<Request, Reply>;
    type Participant = SimParticipant;
    type Server = Server;
    type Kept = (Durable, Recorded);

    fn kept(&self, _: u8, rows: &[(u64, i64)]) -> Self::Kept {
        (Durable::seeded(rows), Recorded::default())
    }

    fn line(&self, _: Place, endpoint: Endpoint<Message>, life: u64) -> Self::Line {
        let rpc = Rpc::new(endpoint, life);
        madsim::task::spawn(rpc.clone().dispatch());
        rpc
    }

    fn participant(&self, p: u8, node: NodeId, line: &Self::Line) -> SimParticipant {
        SimParticipant::new(p, node, line.clone())
    }

    async fn start(&self, node: Node<Self>) -> Result<Server, (Endpoint<Message>, io::Error)> {
        Server::start(node.site, node.disk, node.endpoint, node.kept).await
    }

    fn standby(&self, server: &Server) -> Option<Self::Kept> {
        Some(server.copy())
    }

    fn promoted(&self, (durable, recorded): Self::Kept) -> Self::Kept {
        (durable.promoted(), recorded)
    }
}
