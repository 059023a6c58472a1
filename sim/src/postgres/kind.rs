//! Postgres as a kind of participant of a run.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use indoubt_real::Postgres;
use indoubt_sim_postgres::Options;
use tokio_postgres::Config;

use super::schema::scripts;
use super::seed::{Records, seeded};
use super::server::PostgresServer;
use super::{Silence, SimDialer};
use crate::history::Place;
use crate::hosting::Chronicle;
use crate::lock::lock;
use crate::net::{Endpoint, NodeId};
use crate::parts::{Kind, Node};

/// What whoever is at this node calls itself.
pub(super) fn application_name(node: NodeId) -> String {
    format!("node-{}", node.0)
}

/// How everybody logs in from this node, at every participant.
pub(super) fn config(from: NodeId) -> Config {
    let mut config = Config::new();
    config.user("postgres").dbname("postgres").application_name(application_name(from));
    config
}

/// How every server is set up.
pub(super) fn options() -> Options {
    Options { max_connections: 10_000, max_prepared_transactions: 10_000, ..Options::default() }
}

/// The shipped adapter, at servers of their own.
#[derive(Clone, Copy, Debug, Default)]
pub struct PostgresKind;

/// What of a server is neither on its disk nor lost with it.
#[derive(Clone, Default)]
pub struct Kept {
    /// What an empty disk begins with.
    pub(super) first: Records,
    pub(super) chronicle: Chronicle,
    /// The history that it writes, which a failover counts up.
    pub(super) timeline: u32,
    pub(super) older: Older,
    /// Until it has come up for the first time in that history.
    pub(super) takes_over: Arc<AtomicBool>,
}

/// What was prepared in a history that a failover has ended. Its receipts name that one, so once such
/// a branch has ended nobody can be told how. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Older(Arc<Mutex<BTreeSet<String>>>);

impl Older {
    pub(super) fn extend(&self, gids: impl Iterator<Item = String>) {
        lock(&self.0).extend(gids);
    }

    pub(super) fn contains(&self, gid: &str) -> bool {
        lock(&self.0).contains(gid)
    }
}

impl Kind for PostgresKind {
    type Message = Silence;
    type Line = Arc<Endpoint<Silence>>;
    type Participant = Postgres<SimDialer>;
    type Server = PostgresServer;
    type Kept = Kept;

    /// The adapter finds out whether a branch wrote, and reads a refusal as a no.
    const VOTES_AT_THE_COORDINATOR: bool = true;

    fn kept(&self, rows: &[(u64, i64)]) -> Kept {
        let first = seeded(&scripts(rows), options());
        Kept { first, timeline: 1, ..Kept::default() }
    }

    fn line(&self, _: Place, endpoint: Endpoint<Silence>, _: u64) -> Self::Line {
        Arc::new(endpoint)
    }

    fn participant(&self, p: u8, node: NodeId, line: &Self::Line) -> Postgres<SimDialer> {
        let name = Place::Participant(p).to_string();
        let dialer = SimDialer::new(line.clone(), node, name.clone());
        Postgres::with_dialer(name, config(line.node()), dialer)
    }

    async fn start(
        &self,
        node: Node<Self>,
    ) -> Result<PostgresServer, (Endpoint<Silence>, io::Error)> {
        let Node { site, disk, endpoint, kept } = node;
        PostgresServer::start(site, disk, endpoint, kept).await
    }

    fn standby(&self, server: &PostgresServer) -> Option<Kept> {
        Some(server.standby())
    }

    fn promoted(&self, standby: Kept) -> Kept {
        let takes_over = Arc::new(AtomicBool::new(true));
        Kept { timeline: standby.timeline + 1, takes_over, ..standby }
    }
}
