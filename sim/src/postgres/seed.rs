//! The log of a server in which scripts have been run: what an empty disk begins with.
//!
//! It is made by the server itself, with a client beside it, in memory and before the run.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::future::{join, ready};
use indoubt_sim_postgres::{Clock, Effect, Observer, Server, Wal, What};
use tokio_postgres::NoTls;

use super::kind::{config, options};
use crate::lock::lock;
use crate::net::NodeId;

/// A log, record by record.
pub(super) type Records = Arc<Vec<Vec<u8>>>;

/// What a server holds at the start.
#[derive(Clone, Default)]
pub(crate) struct Seed {
    pub(super) records: Records,
    /// The transactions that made it so.
    pub(super) committed: BTreeSet<u64>,
}

/// Those that were made before: seeds have few different ones.
static MADE: LazyLock<Mutex<BTreeMap<Vec<String>, Seed>>> = LazyLock::new(Mutex::default);

/// More polls than any script takes: nothing in one waits for anything but the other side.
const POLLS: usize = 1_000_000;

/// What a server holds after these scripts, each a string of statements.
///
/// # Errors
/// What the server says of the one that fails.
pub(crate) fn seeded(scripts: &[String]) -> Result<Seed, String> {
    if let Some(seed) = lock(&MADE).get(scripts) {
        return Ok(seed.clone());
    }
    let (wal, commits) = (InMemory::default(), Commits::default());
    let mut running = pin!(run(scripts, wal.clone(), commits.clone()));
    let mut cx = Context::from_waker(Waker::noop());
    let done = (0..POLLS).find_map(|_| match running.as_mut().poll(&mut cx) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    });
    done.ok_or("a script waits for what never comes")?.map_err(|error| words(&*error))?;
    let records = Arc::new(std::mem::take(&mut *lock(&wal.0)));
    let seed = Seed { records, committed: std::mem::take(&mut *lock(&commits.0)) };
    lock(&MADE).insert(scripts.to_vec(), seed.clone());
    Ok(seed)
}

/// An error with its cause, as the server tells it.
fn words(error: &(dyn Error + 'static)) -> String {
    let said = error.downcast_ref::<tokio_postgres::Error>().and_then(|error| error.as_db_error());
    said.map_or_else(
        || error.to_string(),
        |said| format!("{} (SQLSTATE {})", said.message(), said.code().code()),
    )
}

async fn run(scripts: &[String], wal: InMemory, commits: Commits) -> Result<(), Box<dyn Error>> {
    let server = Server::open(options(), wal, Standing, commits).await?;
    let (here, there) = tokio::io::duplex(1 << 16);
    let working = async {
        let (client, connection) = config(NodeId(0)).connect_raw(here, NoTls).await?;
        let work = async {
            for script in scripts {
                client.batch_execute(script).await?;
            }
            // The connection ends with its client.
            drop(client);
            Ok(())
        };
        let (connection, done) = join(connection, work).await;
        done.and(connection)
    };
    let ((), done) = join(server.serve(there), working).await;
    Ok(done?)
}

#[derive(Clone, Default)]
struct InMemory(Arc<Mutex<Vec<Vec<u8>>>>);

impl Wal for InMemory {
    fn append(
        &self,
        record: Vec<u8>,
        _: bool,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        lock(&self.0).push(record);
        ready(Ok(()))
    }

    fn recover(&self) -> impl Future<Output = io::Result<Vec<Vec<u8>>>> + Send + 'static {
        ready(Ok(lock(&self.0).clone()))
    }
}

/// The transactions that have committed.
#[derive(Clone, Default)]
struct Commits(Arc<Mutex<BTreeSet<u64>>>);

impl Observer for Commits {
    fn effect(&self, effect: &Effect) {
        if matches!(effect.what, What::Committed { .. }) {
            lock(&self.0).insert(effect.xid);
        }
    }
}

/// A clock that stands still, at a day before any run's.
struct Standing;

impl Clock for Standing {
    fn now(&self) -> Duration {
        Duration::from_secs(1_699_999_999)
    }

    fn sleep(&self, _: Duration) -> impl Future<Output = ()> + Send + 'static {
        std::future::pending()
    }
}
