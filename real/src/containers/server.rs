//! One running Postgres server, whatever it was started from.

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};

use super::base::{ControlError, Machine, Order, StartError, secret};
use super::container::Container;
use super::local::Local;
use super::proxy::Proxy;
use super::source::Source;
use super::{choice, port};

/// Recovery after a kill replays the log since the last checkpoint; on a busy machine the
/// first start of a container is slower than that.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A real Postgres server, listening on 127.0.0.1 at a port that it keeps for its lifetime.
///
/// # Clean-up
/// Dropping it kills the server and removes its data, also when a test panics; [`Self::stop`]
/// does the same and reports errors. A local server goes away even when the test process is
/// killed. A container goes away on SIGINT and SIGTERM, and the process then ends by that signal,
/// whatever else handles it. It outlives a SIGKILL of the test process and a server kept in a
/// `static`: such ones carry the label `org.testcontainers.managed-by=testcontainers`.
///
/// Dropping blocks the thread for a moment. Use a multi-threaded runtime in tests, as a
/// container's clean-up is driven by it.
pub struct Server {
    machine: Box<dyn Machine>,
    source: Source,
    port: u16,
    password: String,
}

impl Server {
    pub(super) fn launch(arguments: Vec<String>) -> BoxFuture<'static, Result<Self, StartError>> {
        Box::pin(async move {
            let source = choice::choose().await?;
            let password = secret::token();
            let mut attempt = 1;
            loop {
                let (arguments, password) = (arguments.clone(), password.clone());
                let port = port::free()?;
                let order = Order { arguments, password, port };
                match Self::launch_at(source.clone(), order).await {
                    Err(StartError::PortTaken { .. }) if attempt < port::ATTEMPTS => attempt += 1,
                    result => return result,
                }
            }
        })
    }

    async fn launch_at(source: Source, order: Order) -> Result<Self, StartError> {
        let (port, password) = (order.port, order.password.clone());
        let machine: Box<dyn Machine> = match source.image() {
            Some(image) => Box::new(Container::create(image, order).await?),
            None => Box::new(Local::create(&source, order).await?),
        };
        let server = Self { machine, source, port, password };
        server.until_sql_is_accepted().await?;
        Ok(server)
    }

    /// How to connect as the superuser `postgres` to the database `postgres`.
    ///
    /// The password is demanded in earnest: with another one the server refuses (28P01).
    pub fn config(&self) -> Config {
        self.config_at(self.port)
    }

    /// The same through a proxy, which must have been started for this server's port.
    pub fn config_through(&self, proxy: &Proxy) -> Config {
        self.config_at(proxy.port())
    }

    fn config_at(&self, port: u16) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(port).user("postgres").dbname("postgres");
        config.password(&self.password);
        config
    }

    /// The port on 127.0.0.1, the same before and after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where this server comes from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Sends SIGKILL to every process of the server and waits until all are gone.
    ///
    /// No checkpoint, no farewell to clients. A server that is down already stays down.
    pub fn kill(&self) -> impl Future<Output = Result<(), ControlError>> + Send {
        self.machine.kill()
    }

    /// Starts the killed server again, on the same data and port, and waits until it accepts
    /// SQL. A server that still runs is only waited for.
    pub fn restart(&self) -> impl Future<Output = Result<(), StartError>> + Send {
        Box::pin(self.try_to_restart())
    }

    /// Freezes every process: connecting still succeeds, then nothing is answered.
    pub fn pause(&self) -> impl Future<Output = Result<(), ControlError>> + Send {
        self.machine.pause()
    }

    /// Lets a frozen server go on. It answers what was sent to it in the meantime, even if
    /// the client has given up: a commit can come late.
    pub fn unpause(&self) -> impl Future<Output = Result<(), ControlError>> + Send {
        self.machine.unpause()
    }

    /// Ends the server and removes its data, as dropping does, but reports failure.
    pub fn stop(self) -> impl Future<Output = Result<(), ControlError>> + Send {
        self.machine.remove()
    }

    async fn try_to_restart(&self) -> Result<(), StartError> {
        let mut attempt = 1;
        loop {
            let result = match self.machine.start_again().await {
                Ok(()) => self.until_sql_is_accepted().await,
                Err(error) => Err(error),
            };
            match result {
                // Somebody borrowed the port while the server was down.
                Err(StartError::PortTaken { .. }) if attempt < port::ATTEMPTS => attempt += 1,
                result => return result,
            }
            sleep(Duration::from_millis(250)).await;
        }
    }

    async fn until_sql_is_accepted(&self) -> Result<(), StartError> {
        let begin = Instant::now();
        loop {
            let last = match timeout(Duration::from_secs(5), self.try_sql()).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) if may_pass(&error) => error.to_string(),
                Ok(Err(error)) => return Err(StartError::Refused(error)),
                Err(_) => "no answer".to_owned(),
            };
            if let Some(log) = self.machine.log_if_ended().await {
                let taken = port::was_taken(&log);
                let port = self.port;
                return Err(if taken {
                    StartError::PortTaken { port }
                } else {
                    StartError::Exited { log }
                });
            }
            let waited = begin.elapsed();
            if waited > READY_WITHIN {
                return Err(StartError::NotReady { port: self.port, waited, last });
            }
            sleep(Duration::from_millis(30)).await;
        }
    }

    async fn try_sql(&self) -> Result<(), tokio_postgres::Error> {
        let (client, connection) = self.config().connect(NoTls).await?;
        let connection = tokio::spawn(connection);
        let result = client.batch_execute("SELECT 1").await;
        connection.abort();
        result
    }
}

/// Whether waiting may cure the error: refused, reset and closed connections, and 57P03
/// ("the database system is starting up").
fn may_pass(error: &tokio_postgres::Error) -> bool {
    error.code().is_none_or(|code| *code == SqlState::CANNOT_CONNECT_NOW)
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, port) = (self.source.to_string(), self.port);
        f.debug_struct("Server")
            .field("source", &source)
            .field("port", &port)
            .finish_non_exhaustive()
    }
}
