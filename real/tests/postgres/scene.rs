//! What a test starts from: a server, a database of its own, a coordinator of its own.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use anyhow::Result;
use futures::lock::Mutex;
use indoubt::protocol::BranchId;
use indoubt::{BranchGid, CoordinatorId, Gid, Lineage, Participant as _, Receipt, Vote};
use indoubt_real::bench::Database;
use indoubt_real::containers::Server;
use indoubt_real::{Postgres, PostgresBranch};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls};

/// All tests share one runtime, since a container is cleaned up on the one that started it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// Weak, so that the last test to use it stops it: a static would never be dropped.
static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// Runs a test.
pub(crate) fn run(test: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
    match RUNTIME.block_on(RUNTIME.spawn(test)) {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// A database on a server, and a coordinator whose branches are made there. What a database can be
/// asked, a scene can.
pub(crate) struct Scene {
    database: Database,
    pub(crate) owner: CoordinatorId,
    sequence: AtomicU64,
}

impl Scene {
    /// On the shared server. The name must be the test's own: letters and underscores.
    pub(crate) async fn new(name: &str) -> Result<Self> {
        let mut shared = SHARED.lock().await;
        let server = match shared.upgrade() {
            Some(server) => server,
            None => Arc::new(Server::start().await?),
        };
        *shared = Arc::downgrade(&server);
        drop(shared);
        Self::on(server, name).await
    }

    /// On a server that only this test has.
    pub(crate) async fn on(server: Arc<Server>, name: &str) -> Result<Self> {
        let database = Database::create(server, name).await?;
        database.sql("CREATE TABLE t (id int PRIMARY KEY)").await?;
        Ok(Self { database, owner: name.parse()?, sequence: AtomicU64::new(0) })
    }

    /// A fresh handle straight to the server, as a restarted process would have it.
    pub(crate) fn postgres(&self) -> Postgres {
        Postgres::new("db", self.config())
    }

    /// A gid that was not used before.
    pub(crate) fn gid(&self) -> BranchGid {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let branch = BranchId::new(0).expect("there is a branch 0");
        Gid {
            coordinator: self.owner.clone(),
            lineage: Lineage { log: 1, opening: 1 },
            epoch: 1,
            sequence,
        }
        .branch(branch)
    }

    /// A branch that has inserted a row of this id.
    pub(crate) async fn inserted(&self, postgres: &Postgres, id: i32) -> Result<PostgresBranch> {
        let branch = postgres.begin(&self.gid()).await?;
        branch.execute("INSERT INTO t VALUES ($1)", &[&id]).await?;
        Ok(branch)
    }

    /// A prepared branch that has inserted a row of this id.
    pub(crate) async fn prepared(
        &self,
        postgres: &Postgres,
        id: i32,
    ) -> Result<(PostgresBranch, Receipt)> {
        let branch = self.inserted(postgres, id).await?;
        match postgres.prepare(&branch).await? {
            Vote::Yes(receipt) => Ok((branch, receipt)),
            vote => anyhow::bail!("voted {vote:?}"),
        }
    }

    /// Whether the row is there for all to see.
    pub(crate) async fn has(&self, id: i32) -> Result<bool> {
        Ok(self.number(&format!("SELECT count(*) FROM t WHERE id = {id}")).await? > 0)
    }

    /// Whether something is prepared under the gid, on the whole server.
    pub(crate) async fn is_prepared(&self, gid: &BranchGid) -> Result<bool> {
        let count = format!("SELECT count(*) FROM pg_prepared_xacts WHERE gid = '{gid}'");
        Ok(self.number(&count).await? > 0)
    }

    /// A trigger that makes the end of a transaction take this long.
    pub(crate) async fn slow_end(&self, delay: Duration) -> Result<()> {
        let seconds = delay.as_secs_f64();
        let script = format!(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
             $$BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END$$; \
             CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED \
             FOR EACH ROW EXECUTE FUNCTION slow()"
        );
        Ok(self.sql(&script).await?)
    }

    /// A constraint that is only checked at the end: every row needs a parent, and has none.
    pub(crate) async fn deferred_constraint(&self) -> Result<()> {
        let script = "CREATE TABLE parent (id int PRIMARY KEY); \
             ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES parent DEFERRABLE INITIALLY DEFERRED";
        Ok(self.sql(script).await?)
    }

    /// Ends a branch's backend, from another session.
    pub(crate) async fn kill_backend_of(&self, branch: &PostgresBranch) -> Result<()> {
        let pid: i32 = branch.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        let sql = "SELECT pg_terminate_backend($1, 5000)";
        let gone: bool = self.client().await?.query_one(sql, &[&pid]).await?.get(0);
        anyhow::ensure!(gone, "backend {pid} lives on");
        Ok(())
    }
}

impl Deref for Scene {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

pub(crate) async fn connect(config: &Config) -> Result<Client> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
