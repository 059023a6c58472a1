//! Databases of somebody's own as a kind of participant: servers like any other, seeded with SQL.

use std::io;
use std::sync::Arc;

use indoubt_real::Postgres;

use crate::history::Place;
use crate::net::{Endpoint, NodeId};
use crate::parts::{Kind, Node};
use crate::postgres::{Kept, PostgresKind, PostgresServer, Seed, Silence, SimDialer};

/// A database before the run.
#[derive(Clone)]
pub(super) struct Seeded {
    pub(super) name: String,
    pub(super) seed: Seed,
}

/// Databases, each on a server of its own, in the order of their participants.
#[derive(Clone)]
pub(super) struct Servers(pub(super) Arc<[Seeded]>);

impl Kind for Servers {
    type Message = Silence;
    type Line = Arc<Endpoint<Silence>>;
    type Participant = Postgres<SimDialer>;
    type Server = PostgresServer;
    type Kept = Kept;

    const VOTES_AT_THE_COORDINATOR: bool = PostgresKind::VOTES_AT_THE_COORDINATOR;

    /// No rows but those of its own SQL.
    fn kept(&self, p: u8, _: &[(u64, i64)]) -> Kept {
        let Seeded { name, seed } = &self.0[usize::from(p)];
        Kept::of_database(name, seed)
    }

    fn line(&self, place: Place, endpoint: Endpoint<Silence>, life: u64) -> Self::Line {
        PostgresKind.line(place, endpoint, life)
    }

    fn participant(&self, p: u8, node: NodeId, line: &Self::Line) -> Postgres<SimDialer> {
        PostgresKind.participant(p, node, line)
    }

    async fn start(
        &self,
        node: Node<Self>,
    ) -> Result<PostgresServer, (Endpoint<Silence>, io::Error)> {
        let Node { site, disk, endpoint, kept } = node;
        PostgresKind.start(Node { site, disk, endpoint, kept }).await
    }

    fn standby(&self, server: &PostgresServer) -> Option<Kept> {
        PostgresKind.standby(server)
    }

    fn promoted(&self, standby: Kept) -> Kept {
        PostgresKind.promoted(standby)
    }
}
