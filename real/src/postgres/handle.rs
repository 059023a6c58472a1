//! A participant's handle: which database, how it is reached, and the sessions that clones share.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::lock::Mutex;
use indoubt::{BeginError, Lost};
use tokio_postgres::Config;

use super::begin;
use super::check::Server;
use super::connection_string::{self, InvalidConnectionString};
use super::control::{Control, Lease};
use super::dial::Dialer;
use super::tcp::TcpDialer;

/// A Postgres database as a participant.
///
/// A cheap handle: clones speak of the same database, and share at most six sessions for
/// recovery. Every branch opens a session of its own.
pub struct Postgres<D: Dialer = TcpDialer> {
    pub(super) inner: Arc<Inner<D>>,
    pub(super) lock_timeout: Option<Duration>,
}

/// How long a statement of a branch waits for a lock, where nobody has said.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// What the clones of a handle share.
pub(super) struct Inner<D> {
    pub(super) name: String,
    pub(super) config: Config,
    pub(super) dialer: D,
    /// Set once the server was found fit.
    pub(super) server: OnceLock<Server>,
    /// Held by the first branch until then.
    pub(super) first: Mutex<()>,
    /// For what may be kept waiting: the ends of branches.
    pub(super) control: Control,
    /// For what must not wait behind that: to list, and to look what a session is at.
    lists: Control,
    looks: Control,
}

/// How many sessions end branches that have none of their own: as many as a sweep asks for at
/// once. Two more list, and look.
const AT_ONCE: usize = 4;

impl Postgres {
    /// A participant that is reached over TCP, without TLS. Nothing is connected yet.
    ///
    /// The name must be unique among a coordinator's participants and stable over restarts.
    /// So must what the configuration points to: one database, and one user, who has to own
    /// what is prepared in order to finish it.
    ///
    /// A configuration that asks for what there is not (TLS, a Unix socket) is refused by
    /// [`check`](Self::check) and by the first branch, which say why;
    /// [`from_connection_string`](Self::from_connection_string) refuses it at once.
    pub fn new(name: impl Into<String>, config: Config) -> Self {
        let dialer = TcpDialer::new(&config);
        Self::with_dialer(name, config, dialer)
    }

    /// As [`new`](Self::new), from a connection string: `host=db1 user=shop dbname=orders`, or
    /// `postgresql://shop@db1/orders` (PostgreSQL manual, "Connection Strings").
    ///
    /// Every option is obeyed, or refused here. Several hosts are tried in turn, as libpq does,
    /// and a standby among them is passed over. What differs from libpq: without a
    /// `connect_timeout`, an attempt among several gives up after four seconds;
    /// `tcp_user_timeout` is in seconds, as tokio-postgres reads it; there is no TLS, no Unix
    /// socket, no file of passwords or services, and the environment (`PGHOST` and the like) is
    /// not asked.
    ///
    /// # Errors
    /// The text cannot be read, or asks for what there is not. No part of it that may be a
    /// piece of a password is repeated.
    pub fn from_connection_string(
        name: impl Into<String>,
        text: &str,
    ) -> Result<Self, InvalidConnectionString> {
        let name = name.into();
        let config = connection_string::parse(&name, text)?;
        Ok(Self::new(name, config))
    }
}

impl<D: Dialer> Postgres<D> {
    /// A participant that is reached through this dialer. Of the configuration only what
    /// concerns the session is used: user, password, database, options, application name,
    /// connect timeout, and which session will do.
    pub fn with_dialer(name: impl Into<String>, config: Config, dialer: D) -> Self {
        let (control, lists, looks) = (Control::new(AT_ONCE), Control::new(1), Control::new(1));
        let (server, first) = (OnceLock::new(), Mutex::new(()));
        let inner =
            Inner { name: name.into(), config, dialer, server, first, control, lists, looks };
        Self { inner: Arc::new(inner), lock_timeout: Some(LOCK_TIMEOUT) }
    }

    /// How long a statement of a branch waits for a lock before it fails with SQLSTATE 55P03;
    /// 10 s unless told otherwise, `None` for ever.
    ///
    /// Two transactions that lock in two databases in opposite orders wait for each other, and
    /// neither database sees more than half of it, so nobody but a timeout ends that
    /// (PostgreSQL manual, "Deadlocks" and `lock_timeout`). Where the role, the database or the
    /// connection string sets a `lock_timeout` other than 0, that one is obeyed instead; a
    /// branch may set its own at any time. It holds for the statement at a `PREPARE` or `COMMIT`
    /// too, in which deferred triggers may lock.
    ///
    /// Concerns branches begun through this handle, and through clones made of it from now on:
    /// set it before the handle is registered with a coordinator.
    #[must_use]
    pub fn lock_timeout(self, limit: Option<Duration>) -> Self {
        Self { lock_timeout: limit, ..self }
    }

    /// Connects, and asks whether the server can take part, and whether a pooler before it, if
    /// there is one, pools by session: for a service's start.
    ///
    /// The first branch asks the same, but then a user is waiting.
    ///
    /// # Errors
    /// What is wrong, and what to do about it.
    /// [`is_retryable`](BeginError::is_retryable) tells an outage, or a server that is full or
    /// starting, from what somebody has to put right.
    ///
    /// # Cancel safety
    /// Dropping the future closes what was opened.
    pub async fn check(&self) -> Result<(), BeginError> {
        let server = begin::check(&self.inner.dialer, &self.inner.config).await?;
        let _known_already = self.inner.server.set(server);
        Ok(())
    }

    pub(super) async fn control(&self) -> Result<Lease, Lost> {
        self.inner.control.lease(&self.inner.dialer, &self.inner.config).await
    }

    pub(super) async fn lists(&self) -> Result<Lease, Lost> {
        self.inner.lists.lease(&self.inner.dialer, &self.inner.config).await
    }

    pub(super) async fn looks(&self) -> Result<Lease, Lost> {
        self.inner.looks.lease(&self.inner.dialer, &self.inner.config).await
    }
}

impl<D: Dialer> Clone for Postgres<D> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), lock_timeout: self.lock_timeout }
    }
}

impl<D: Dialer> fmt::Debug for Postgres<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the configuration: it may hold a password.
        f.debug_struct("Postgres").field("name", &self.inner.name).finish_non_exhaustive()
    }
}
