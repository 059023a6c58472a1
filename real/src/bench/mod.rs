//! A bench for services: real databases, a decision log in files, and a coordinator that can be
//! crashed at an exact moment of a commit.
//!
//! What a service promises of its transactions is worth what it keeps when its process dies
//! between the decision and the commits. A [`Bench`] has that happen on purpose: it starts a
//! Postgres server for each database, with a [`Proxy`](crate::containers::Proxy) before each, and
//! [opens](Bench::open) a coordinator over all of them, as often as it is crashed. Each opening is
//! a [`Running`] coordinator; [`Running::hold`] stops its next commit where it matters.
//!
//! ```no_run
//! use indoubt::{Coordinator, Outcome};
//! use indoubt_real::Postgres;
//! use indoubt_real::bench::{Bench, Moment};
//!
//! /// What is tested: any code that is given its coordinator and its participants.
//! async fn order(
//!     coordinator: Coordinator,
//!     [orders, stock]: [Postgres; 2],
//! ) -> Result<Outcome, Box<dyn std::error::Error + Send + Sync>> {
//!     let transaction = coordinator.begin();
//!     let at_orders = transaction.branch(&orders).await?;
//!     at_orders.execute("INSERT INTO orders VALUES ('lamp')", &[]).await?;
//!     let at_stock = transaction.branch(&stock).await?;
//!     at_stock.execute("UPDATE stock SET quantity = quantity - 1", &[]).await?;
//!     Ok(transaction.commit().await)
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let bench = Bench::start(["orders", "stock"]).await?;
//! let [orders, stock] = bench.databases();
//! orders.sql("CREATE TABLE orders (item text)").await?;
//! stock.sql("CREATE TABLE stock (quantity int); INSERT INTO stock VALUES (10)").await?;
//!
//! let running = bench.open().await?;
//! let mut decided = running.hold(Moment::Decided);
//! let order = tokio::spawn(order(running.coordinator().clone(), running.participants().clone()));
//! decided.reached().await?;
//! running.crash().await; // the decision is on the disk, and nobody has been told
//! assert!(matches!(order.await?, Ok(Outcome::InDoubt(_))));
//!
//! let running = bench.open().await?;
//! running.settle().await?;
//! assert_eq!(orders.number("SELECT count(*) FROM orders").await?, 1);
//! assert_eq!(stock.number("SELECT quantity FROM stock").await?, 9);
//! assert_eq!(bench.prepared().await?, [0, 0]);
//! # Ok(())
//! # }
//! ```
//!
//! # What it needs
//! The feature `containers`, among `dev-dependencies`:
//!
//! ```toml
//! [dependencies]
//! indoubt = { path = "../indoubt" } # wherever that is
//! indoubt-real = { path = "../indoubt/real" }
//! tokio = { version = "1", features = ["macros", "rt-multi-thread", "time"] }
//! tokio-postgres = { version = "0.7", default-features = false }
//!
//! [dev-dependencies]
//! indoubt-real = { path = "../indoubt/real", features = ["containers"] }
//! ```
//!
//! And Docker, or Postgres's binaries on this machine; [`containers`](crate::containers) says
//! which is taken, and starting says what to install if there is neither. Nothing here is skipped
//! in silence, and nothing panics because of it.
//!
//! # One runtime
//! A bench lives in the runtime that started it: its proxies are tasks there, and a container is
//! cleaned up there. Each `#[tokio::test]` has a runtime of its own, so a bench or a [`Database`] in
//! a `static` that two of them share breaks with the first to end. What costs time is the server, and
//! several databases can be on one: in a test, start a [`Server`](crate::containers::Server), and
//! [create](Database::create) databases there for a bench [over](Bench::over) them. To share a server
//! among tests, run these on one runtime of their own, and create databases of other names for each.
//! The runtime should be multi-threaded (`#[tokio::test(flavor = "multi_thread")]`), since dropping a
//! server blocks.
//!
//! # What is absent
//! Loss of power, and of what a disk has not synced, which the simulator has; a process of
//! its own for the service. A crash here ends the coordinator, its sessions and its log, but not
//! the tasks of whoever has a handle of it: they are told that the coordinator is gone, and still
//! read its log ([`Running::crash`]). To kill a whole process, give it
//! [`Database::connection_string`] and a directory, and send it SIGKILL.

mod database;
mod directory;
mod error;
mod hold;
mod log;
mod moment;
mod running;
mod sql_error;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use futures::future::try_join_all;
use indoubt::Builder;

use directory::TemporaryDirectory;

pub use database::Database;
pub use error::{BenchError, NotReached, StillHeld, Unsettled};
pub use hold::Hold;
pub use moment::Moment;
pub use running::{DEADLINES, Running};
pub use sql_error::{NumberError, SqlError};

/// Databases on real servers, and a directory for the decisions of one coordinator.
///
/// It outlives every crash of the coordinator: open one after the other over it. Dropping it
/// ends the servers that nobody else has, and removes their data and the directory, unless a
/// coordinator still [runs](Running) over them: then that is the last to have them.
#[derive(Debug)]
pub struct Bench<const N: usize> {
    databases: [Database; N],
    directory: Arc<TemporaryDirectory>,
}

impl<const N: usize> Bench<N> {
    /// Starts a server for each of these databases, all at once, and creates the database there.
    ///
    /// The first call in a process may have to build an image, which takes a minute or two;
    /// otherwise a server takes a few seconds.
    ///
    /// # Errors
    /// [`BenchError`], each telling what is missing. What was started is ended.
    pub async fn start(names: [&str; N]) -> Result<Self, BenchError> {
        all_differ(&names)?;
        let started = try_join_all(names.map(Database::start)).await?;
        let databases = started.try_into().expect("one for each name");
        Self::over(databases)
    }

    /// A bench over databases that are there: on servers of other settings, or on one server.
    ///
    /// Each is a participant under its own name, so no two may have the same.
    ///
    /// Two benches over the same databases have coordinators of the same id, and each a log of its
    /// own: what one has prepared there, the other's sweeps report as
    /// [`stranded`](indoubt::RecoveryReport::stranded), and leave alone. Give each bench databases of
    /// its own.
    ///
    /// # Errors
    /// [`BenchError::SameName`]; [`BenchError::Directory`] when there is no room for the decisions.
    pub fn over(databases: [Database; N]) -> Result<Self, BenchError> {
        all_differ(&databases.each_ref().map(Database::name))?;
        Ok(Self { databases, directory: Arc::new(TemporaryDirectory::create()?) })
    }

    /// The databases, in the order in which they were named.
    pub fn databases(&self) -> &[Database; N] {
        &self.databases
    }

    /// Where the decisions are: the directory of the [`FileLog`](crate::log::FileLog).
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Opens the log and runs a coordinator over it, with every database as a participant and
    /// with [`DEADLINES`]. Its id is `bench`.
    ///
    /// After a crash, [`settle`](Running::settle) before the first transaction: the driver sweeps when
    /// it starts, but what that sweep did not reach, a session that was just being cut for one, keeps
    /// its locks until the next, an hour later by [`DEADLINES`].
    ///
    /// While a coordinator that has crashed is still held by somebody, its log is open; that is
    /// waited for, for five seconds.
    ///
    /// # Errors
    /// [`BenchError`]. Nothing is running then, and another attempt may be made.
    pub async fn open(&self) -> Result<Running<N>, BenchError> {
        self.open_with(|builder| builder).await
    }

    /// As [`open`](Self::open), with what else a coordinator is to have: participants of other
    /// kinds, other deadlines, an alarm.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub async fn open_with(
        &self,
        build: impl FnOnce(Builder) -> Builder,
    ) -> Result<Running<N>, BenchError> {
        Running::open(self.databases.clone(), Arc::clone(&self.directory), build).await
    }

    /// How many transactions are prepared in each database, whosever they are.
    ///
    /// # Errors
    /// [`SqlError`] of the first database that cannot be asked.
    pub async fn prepared(&self) -> Result<[usize; N], SqlError> {
        let gids = try_join_all(self.databases.iter().map(Database::prepared)).await?;
        let counts: Vec<usize> = gids.iter().map(Vec::len).collect();
        Ok(counts.try_into().expect("one for each database"))
    }
}

fn all_differ(names: &[&str]) -> Result<(), BenchError> {
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(**name)) {
        Some(name) => Err(BenchError::SameName { name: (*name).to_owned() }),
        None => Ok(()),
    }
}
