//! One connection to the server and the task that drives it.
//!
//! Everything the adapter says itself goes through the simple query protocol: one round trip
//! a statement, nothing to parse or close on the server, and statements that are queued one
//! behind the other share a round trip. Timeouts are absent; the driver drops futures.

use std::any::Any;
use std::sync::{Mutex, PoisonError};

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::Shared;
use indoubt::Lost;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, SimpleQueryRow};

use super::dial::Dialer;
use super::failure::{Failure, describe};

/// A session with the server, closed when this is dropped.
pub(super) struct Session {
    client: Client,
    /// Why the connection ended. A server that ends it says so to nobody in particular, so
    /// without this a statement that comes later fails as "connection closed" and no more.
    end: Shared<oneshot::Receiver<String>>,
    /// The dialer's handle of the connection's task: dropping it closes the socket.
    task: Mutex<Option<Box<dyn Any + Send + Sync>>>,
}

/// A session could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("cannot connect to {0}")]
    Dial(std::io::Error),
    #[error("cannot open a session: {}", describe(.0))]
    Startup(tokio_postgres::Error),
}

impl Session {
    /// # Cancel safety
    /// Dropping the future closes what was opened.
    pub(super) async fn open<D: Dialer>(dialer: &D, config: &Config) -> Result<Self, OpenError> {
        let stream = dialer.dial().await.map_err(OpenError::Dial)?;
        let (client, connection) =
            config.connect_raw(stream, NoTls).await.map_err(OpenError::Startup)?;
        let (told, end) = oneshot::channel();
        let task = dialer.spawn(async move {
            if let Err(error) = connection.await {
                let _nobody_asks = told.send(describe(&error));
            }
        });
        Ok(Self { client, end: end.shared(), task: Mutex::new(Some(Box::new(task))) })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the connection is known to have ended.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Closes the connection; the server then rolls back what was not prepared.
    pub(super) fn close(&self) {
        drop(self.task.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Runs a statement for its effect.
    ///
    /// # Cancel safety
    /// The statement is sent at the first poll, and dropping the future does not call it back:
    /// the server may execute it much later. The session stays usable; answers stay matched.
    pub(super) async fn run(&self, sql: &str) -> Result<(), Failure> {
        match self.client.batch_execute(sql).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failure(&error).await),
        }
    }

    /// Runs a query for its rows. Cancel safety as for [`run`](Self::run).
    pub(super) async fn rows(&self, sql: &str) -> Result<Vec<SimpleQueryRow>, Failure> {
        let messages = match self.client.simple_query(sql).await {
            Ok(messages) => messages,
            Err(error) => return Err(self.failure(&error).await),
        };
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Runs a query for its only row.
    pub(super) async fn row(&self, sql: &str) -> Result<SimpleQueryRow, Failure> {
        let row = self.rows(sql).await?.pop();
        row.ok_or_else(|| Failure::Lost(Lost::new(format!("no row came back from {sql}"))))
    }

    /// What the error means. Waits at most for the connection's task to end, which it is
    /// about to when it has closed.
    async fn failure(&self, error: &tokio_postgres::Error) -> Failure {
        if error.is_closed()
            && self.is_closed()
            && let Ok(end) = self.end.clone().await
        {
            return Failure::Lost(Lost::new(format!("connection closed: {end}")));
        }
        Failure::of(error)
    }
}
