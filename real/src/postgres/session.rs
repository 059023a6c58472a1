//! One connection to the server and the task that drives it.
//!
//! Everything the adapter says itself goes through the simple query protocol: one round trip
//! a statement, nothing to parse or close on the server, and statements that are queued one
//! behind the other share a round trip. Timeouts are absent; the driver drops futures.

use std::any::Any;
use std::sync::{Mutex, PoisonError};

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{Shared, join};
use indoubt::Lost;
use tokio_postgres::{Client, Config, SimpleQueryMessage, SimpleQueryRow};

use super::cancel::CancelToken;
use super::connect::{OpenError, Opened, connect};
use super::dial::Dialer;
use super::failure::{Failure, describe};
use super::sql;

/// A session with the server, closed when this is dropped.
pub(super) struct Session {
    client: Client,
    /// Why the connection ended. A server that ends it says so to nobody in particular, so
    /// without this a statement that comes later fails as "connection closed" and no more.
    end: Shared<oneshot::Receiver<String>>,
    /// The dialer's handle of the connection's task: dropping it closes the socket.
    task: Mutex<Option<Box<dyn Any + Send + Sync>>>,
    cancel: CancelToken,
}

/// A session that was to be pinned could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenPinnedError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the session's settings could not be pinned: {}", .0.reason())]
    Pin(Lost),
}

impl Session {
    /// # Cancel safety
    /// Dropping the future closes what was opened.
    pub(super) async fn open<D: Dialer>(dialer: &D, config: &Config) -> Result<Self, OpenError> {
        let Opened { client, connection, address } = connect(dialer, config).await?;
        let (told, end) = oneshot::channel();
        let task = dialer.spawn(async move {
            if let Err(error) = connection.await {
                let _nobody_asks = told.send(describe(&error));
            }
        });
        let cancel = CancelToken::new(dialer.clone(), address, client.cancel_token());
        Ok(Self { client, end: end.shared(), task: Mutex::new(Some(Box::new(task))), cancel })
    }

    /// As [`open`](Self::open), for the adapter's own use: nothing that a role or a database
    /// has set bears on it.
    pub(super) async fn open_pinned<D: Dialer>(
        dialer: &D,
        config: &Config,
    ) -> Result<Self, OpenPinnedError> {
        let session = Self::open(dialer, config).await?;
        // In two strings: of a setting that the server is too old for, the first is to
        // know nothing.
        let (pinned, pinned_if_known) =
            join(session.run(sql::PIN), session.run(sql::PIN_IF_KNOWN)).await;
        match (pinned, pinned_if_known) {
            (Err(failure), _) | (Ok(()), Err(failure @ Failure::Lost(_))) => {
                Err(OpenPinnedError::Pin(failure.into_lost()))
            }
            (Ok(()), Ok(()) | Err(Failure::Refused(_))) => Ok(session),
        }
    }

    /// What cancels the statement that runs in this session.
    pub(super) fn cancel_token(&self) -> &CancelToken {
        &self.cancel
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
