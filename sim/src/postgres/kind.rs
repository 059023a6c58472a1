//! Postgres as a kind of participant of a run.

use std::collections::BTreeSet;
use std::hash::Hash;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use indoubt_real::Postgres;
use indoubt_sim_postgres::Options;
use tokio_postgres::Config;

use super::schema::scripts;
use super::seed::{Records, Seed, seeded};
use super::server::PostgresServer;
use super::{Silence, SimDialer, traps};
use crate::history::{Place, ServiceEvent};
use crate::hosting::Chronicle;
use crate::lock::lock;
use crate::net::{Endpoint, NodeId};
use crate::parts::{Kind, Node};
use crate::trace::Trace;

/// What whoever is at this node calls itself.
pub(super) fn application_name(node: NodeId) -> String {
    format!("node-{}", node.0)
}

/// How everybody logs in from this node, at every participant.
pub(crate) fn config(from: NodeId) -> Config {
    let mut config = Config::new();
    config.user("postgres").dbname("postgres").application_name(application_name(from));
    config
}

/// The first transaction id: the 32 bits that the server shows of it start again within every run.
const EPOCH_ENDS: u64 = (1 << 32) - 20;

/// How every server is set up.
pub(super) fn options() -> Options {
    Options {
        max_connections: 10_000,
        max_prepared_transactions: 10_000,
        initial_xid: EPOCH_ENDS,
        ..Options::default()
    }
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
    /// What it is to a service, if it is somebody's own.
    pub(super) database: Option<Database>,
}

impl Kept {
    /// Of a server with a database of somebody's own, of this name, in which this is at the start.
    pub(crate) fn of_database(name: &str, seed: &Seed) -> Self {
        let committed = Arc::new(Mutex::new(seed.committed.clone()));
        let database = Some(Database { name: name.to_owned(), committed });
        Self { first: seed.records.clone(), timeline: 1, database, ..Self::default() }
    }
}

/// A database of somebody's own. Clones are of the same one.
#[derive(Clone)]
pub(super) struct Database {
    pub(super) name: String,
    /// The transactions that are known to have committed by themselves.
    committed: Arc<Mutex<BTreeSet<u64>>>,
}

impl Database {
    /// Whether nobody has been told of this commit.
    pub(super) fn is_news(&self, xid: u64) -> bool {
        lock(&self.committed).insert(xid)
    }

    /// What is left of it at the end: what else there is, and should not be, only its owner knows.
    pub(super) fn ends_with(&self, p: u8, log: &[Vec<u8>]) -> ServiceEvent {
        let mut trace = Trace::default();
        log.hash(&mut trace);
        let bytes = log.iter().map(Vec::len).sum::<usize>() as u64;
        ServiceEvent::EndsWith { p, database: self.name.clone(), bytes, hash: trace.hash() }
    }
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

    fn counts() -> Vec<&'static str> {
        traps::names()
    }

    fn kept(&self, _: u8, rows: &[(u64, i64)]) -> Kept {
        let scripts = scripts(rows);
        let seed = seeded(&scripts).unwrap_or_else(|error| panic!("{error}, in {scripts:?}"));
        Kept { first: seed.records, timeline: 1, ..Kept::default() }
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
