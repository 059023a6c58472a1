//! One connection to the server and the task that drives it.
//!
//! Everything the adapter says itself goes through the simple query protocol: one round trip
//! a statement, nothing to parse or close on the server, and statements that are queued one
//! behind the other share a round trip. Timeouts are absent; the driver drops futures.
//!
//! To close a session ends nothing that runs in it: a backend that waits for a lock does not
//! look at its socket. So one that is given up at work is cancelled, by the connection's task,
//! which outlives the session for that.

use std::any::Any;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{BoxFuture, Either, Shared, join, select};
use indoubt::Lost;
use tokio_postgres::{Client, Config, SimpleQueryMessage, SimpleQueryRow};

use super::cancel::CancelToken;
use super::connect::{OpenError, Opened, connect};
use super::dial::Dialer;
use super::failure::{Failure, describe};
use super::sql;
use super::tap::Tap;

/// How long the way of a cancel request may take.
const CANCEL_WITHIN: Duration = Duration::from_secs(5);

/// The dialer's handle of a connection's task: dropping it closes the socket.
type Task = Box<dyn Any + Send + Sync>;

/// A session with the server, closed when this is dropped.
pub(super) struct Session {
    client: Client,
    /// Why the connection ended. A server that ends it says so to nobody in particular, so
    /// without this a statement that comes later fails as "connection closed" and no more.
    end: Shared<oneshot::Receiver<String>>,
    /// With what asks the task for a last service, for which it is handed itself.
    task: Mutex<Option<(Task, oneshot::Sender<Task>)>>,
    cancel: CancelToken,
    tap: Tap,
    sleep: Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
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
        let Opened { client, connection, tap, address } = connect(dialer, config).await?;
        let cancel = CancelToken::new(dialer.clone(), address, client.cancel_token());
        let (told, end) = oneshot::channel();
        let (give_up, asked) = oneshot::channel();
        let (last_service, timer) = (cancel.clone(), dialer.clone());
        let task = dialer.spawn(async move {
            match select(connection, asked).await {
                Either::Left((Err(error), _)) => {
                    let _nobody_asks = told.send(describe(&error));
                }
                Either::Left((Ok(()), _)) | Either::Right((Err(oneshot::Canceled), _)) => {}
                Either::Right((Ok(this_task), connection)) => {
                    // First the socket: a backend that is not at work is then gone at once.
                    drop(connection);
                    let _nobody_asks = told.send("it was given up".to_owned());
                    let cancelled = pin!(last_service.cancel());
                    select(cancelled, pin!(timer.sleep(CANCEL_WITHIN))).await;
                    drop::<Task>(this_task);
                }
            }
        });
        let dialer = dialer.clone();
        let sleep = move |duration| {
            let dialer = dialer.clone();
            async move { dialer.sleep(duration).await }.boxed()
        };
        Ok(Self {
            client,
            end: end.shared(),
            task: Mutex::new(Some((Box::new(task), give_up))),
            cancel,
            tap,
            sleep: Arc::new(sleep),
        })
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

    /// What was heard of the server.
    pub(super) fn tap(&self) -> &Tap {
        &self.tap
    }

    pub(super) fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        (self.sleep)(duration)
    }

    /// Closes the connection; the server then rolls back what was not prepared.
    pub(super) fn close(&self) {
        drop(self.task());
    }

    /// As [`close`](Self::close), and cancels what the session is still at work on. Not for a
    /// session to which a `PREPARE` or `COMMIT` was sent: a commit that waits for a synchronous
    /// standby would be cut short of it.
    pub(super) fn give_up(&self) {
        if let Some((task, give_up)) = self.task() {
            // If the task has ended, it comes back, and is dropped.
            let _ended_already = give_up.send(task);
        }
    }

    fn task(&self) -> Option<(Task, oneshot::Sender<Task>)> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner).take()
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
