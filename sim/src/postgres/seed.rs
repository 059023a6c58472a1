//! The log of a server in which scripts have been run: what an empty disk begins with.
//!
//! It is made by the server itself, with a client beside it, in memory and before the run.

use std::collections::BTreeMap;
use std::io;
use std::pin::pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::future::{join, ready};
use indoubt_sim_postgres::{Clock, Options, Server, Wal};
use tokio_postgres::NoTls;

use super::kind::config;
use crate::lock::lock;
use crate::net::NodeId;

/// A log, record by record.
pub(super) type Records = Arc<Vec<Vec<u8>>>;

/// Those that were made before: seeds have few different ones.
static MADE: LazyLock<Mutex<BTreeMap<Vec<String>, Records>>> = LazyLock::new(Mutex::default);

/// More polls than any script takes: nothing in one waits for anything but the other side.
const POLLS: usize = 1_000_000;

/// The log after these scripts, each a string of statements.
///
/// # Panics
/// One of them fails.
pub(super) fn seeded(scripts: &[String], options: Options) -> Records {
    if let Some(records) = lock(&MADE).get(scripts) {
        return records.clone();
    }
    let wal = InMemory::default();
    let mut running = pin!(run(scripts, options, wal.clone()));
    let mut cx = Context::from_waker(Waker::noop());
    let done = (0..POLLS).find_map(|_| match running.as_mut().poll(&mut cx) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    });
    let done = done.expect("the scripts end");
    done.unwrap_or_else(|error| panic!("a script failed: {error:?}: {scripts:?}"));
    let records: Records = Arc::new(std::mem::take(&mut *lock(&wal.0)));
    lock(&MADE).insert(scripts.to_vec(), records.clone());
    records
}

async fn run(
    scripts: &[String],
    options: Options,
    wal: InMemory,
) -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::open(options, wal, Standing, ()).await?;
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
