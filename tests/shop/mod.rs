//! A shop on real Postgres servers: orders in one database, stock in the others, a coordinator
//! with a file log in a temporary directory.

mod interrupted;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::try_join_all;
use indoubt::{
    Coordinator, CoordinatorId, Deadlines, Driver, EnlistError, RecoveryReport, Transaction,
};
use indoubt_real::TokioClock;
use indoubt_real::containers::Server;
use indoubt_real::log::{Directory, FileLog, Options};
use indoubt_real::postgres::Postgres;
use tokio::task::JoinHandle;
use tokio_postgres::NoTls;

pub(crate) use interrupted::{Hook, Interrupted, Interruption};

/// The shop's log: the real one, with a place to interrupt it.
pub(crate) type Log = Interrupted<FileLog<Directory>>;

/// Pieces of each item in every stock at the start.
pub(crate) const STOCK: i32 = 10;

/// The servers, and what of the coordinator outlives its crashes.
pub(crate) struct Shop {
    /// Server 0 has the orders, the others have stock.
    pub(crate) servers: Vec<Arc<Server>>,
    /// The participants, in the order of the servers.
    pub(crate) participants: Vec<Postgres>,
    directory: PathBuf,
}

/// A running coordinator.
pub(crate) struct Running {
    /// Its handle.
    pub(crate) coordinator: Coordinator<Log, TokioClock>,
    driver: JoinHandle<()>,
}

impl Running {
    /// Ends the coordinator as a crash does, and waits until it is gone.
    pub(crate) async fn crash(self) {
        self.driver.abort();
        let _aborted = self.driver.await;
    }
}

impl Shop {
    /// A shop over this many servers.
    pub(crate) async fn open(name: &str, servers: usize) -> Result<Self> {
        let servers = try_join_all((0..servers).map(|_| Server::start())).await?;
        let servers: Vec<_> = servers.into_iter().map(Arc::new).collect();
        let participants = servers
            .iter()
            .enumerate()
            .map(|(index, server)| {
                let name =
                    if index == 0 { "orders".to_owned() } else { format!("inventory-{index}") };
                Postgres::new(name, server.config())
            })
            .collect();
        let directory = std::env::temp_dir().join(format!("indoubt-{name}-{}", std::process::id()));
        let shop = Self { servers, participants, directory };
        for (index, server) in shop.servers.iter().enumerate() {
            let table = if index == 0 {
                "CREATE TABLE orders (id int PRIMARY KEY, item text NOT NULL, quantity int NOT NULL)".to_owned()
            } else {
                format!(
                    "CREATE TABLE stock (item text PRIMARY KEY, quantity int NOT NULL CHECK (quantity >= 0));
                     INSERT INTO stock VALUES ('lamp', {STOCK})"
                )
            };
            sql(server, &table).await?;
        }
        Ok(shop)
    }

    /// Opens the log and starts a coordinator on it.
    pub(crate) async fn start(&self, interruption: Interruption) -> Result<Running> {
        let id: CoordinatorId = "shop".parse()?;
        let log = FileLog::open(Directory::new(&self.directory)?, id, Options::default()).await?;
        let deadlines = Deadlines {
            prepare: Duration::from_secs(5),
            finish: Duration::from_secs(3),
            acknowledge: Duration::from_secs(4),
            scan: Duration::from_secs(3),
            // The tests sweep when they want to.
            recovery_interval: Duration::from_secs(3600),
            ..Deadlines::default()
        };
        let mut builder = Coordinator::builder(Interrupted::new(log, interruption), TokioClock)
            .deadlines(deadlines);
        for participant in &self.participants {
            builder = builder.participant(participant.clone());
        }
        let (coordinator, driver): (_, Driver<_, _>) = builder.build()?;
        Ok(Running { coordinator, driver: tokio::spawn(driver.run()) })
    }

    /// Writes an order and takes it from every stock, without committing.
    pub(crate) async fn order(
        &self,
        transaction: &Transaction<Log, TokioClock>,
        id: i32,
        quantity: i32,
    ) -> Result<(), OrderError> {
        let orders = transaction.branch(&self.participants[0]).await?;
        orders.execute("INSERT INTO orders VALUES ($1, 'lamp', $2)", &[&id, &quantity]).await?;
        for stock in &self.participants[1..] {
            let stock = transaction.branch(stock).await?;
            stock
                .execute(
                    "UPDATE stock SET quantity = quantity - $1 WHERE item = 'lamp'",
                    &[&quantity],
                )
                .await?;
        }
        Ok(())
    }

    /// What everybody sees: the number of orders, and what is left of each stock.
    pub(crate) async fn look(&self) -> Result<(i64, Vec<i32>)> {
        let orders = number(&self.servers[0], "SELECT count(*) FROM orders").await?;
        let mut stocks = Vec::new();
        for server in &self.servers[1..] {
            stocks
                .push(i32::try_from(number(server, "SELECT quantity::bigint FROM stock").await?)?);
        }
        Ok((orders, stocks))
    }

    /// How many prepared transactions there are at each server.
    pub(crate) async fn prepared(&self) -> Result<Vec<i64>> {
        let mut prepared = Vec::new();
        for server in &self.servers {
            prepared.push(number(server, "SELECT count(*) FROM pg_prepared_xacts").await?);
        }
        Ok(prepared)
    }

    /// Sweeps until everything was reached. A server that has just been started may refuse a
    /// first attempt, and one sweep is never promised to be enough.
    pub(crate) async fn recover(&self, running: &Running) -> Result<RecoveryReport> {
        for _ in 0..10 {
            let report = running.coordinator.recover().await;
            if report.is_complete() {
                return Ok(report);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        anyhow::bail!("ten sweeps did not reach everything")
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Of a temporary directory; if it stays, nothing is lost.
        let _left = std::fs::remove_dir_all(&self.directory);
    }
}

/// An order that could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderError {
    /// A branch could not be had.
    #[error(transparent)]
    Enlist(#[from] EnlistError),
    /// The database refused.
    #[error(transparent)]
    Sql(#[from] tokio_postgres::Error),
}

async fn connect(server: &Server) -> Result<tokio_postgres::Client> {
    let (client, connection) = server.config().connect(NoTls).await.context("connect to look")?;
    tokio::spawn(connection);
    Ok(client)
}

/// Runs a script outside of any transaction of the coordinator.
pub(crate) async fn sql(server: &Server, script: &str) -> Result<()> {
    Ok(connect(server).await?.batch_execute(script).await?)
}

/// Rolls back by hand whatever is prepared in the database, as an operator would.
pub(crate) async fn roll_back_by_hand(server: &Server) -> Result<()> {
    let client = connect(server).await?;
    let prepared = "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()";
    for row in client.query(prepared, &[]).await? {
        let gid: &str = row.get(0);
        client.batch_execute(&format!("ROLLBACK PREPARED '{gid}'")).await?;
    }
    Ok(())
}

/// One number, as anybody else sees it.
pub(crate) async fn number(server: &Server, query: &str) -> Result<i64> {
    Ok(connect(server).await?.query_one(query, &[]).await?.get(0))
}
