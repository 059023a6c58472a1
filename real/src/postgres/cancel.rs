//! Cancelling the statement that a session runs.
//!
//! tokio-postgres's own token only knows the way to the server if tokio-postgres has dialled;
//! here the adapter has, so the request goes the way that the session went, through the same
//! dialer to the same address.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use indoubt::Lost;
use tokio::io::AsyncReadExt as _;
use tokio_postgres::NoTls;

use super::dial::Dialer;
use super::failure::describe;

/// Cancels the statement that runs in one session, from anywhere.
///
/// A cheap handle that keeps nothing alive: when its session is gone, a request does nothing.
#[derive(Clone)]
pub struct CancelToken {
    send: Arc<dyn Fn() -> BoxFuture<'static, Result<(), Lost>> + Send + Sync>,
}

impl CancelToken {
    /// For a session that was opened at this address: another host has other backends.
    pub(super) fn new<D: Dialer>(
        dialer: D,
        address: D::Address,
        token: tokio_postgres::CancelToken,
    ) -> Self {
        let send = move || send(dialer.clone(), address.clone(), token.clone()).boxed();
        Self { send: Arc::new(send) }
    }

    /// Asks the server to cancel what runs now: the statement fails with SQLSTATE 57014, and
    /// its session lives on. Does nothing if none runs.
    ///
    /// Returns when the server has acted on the request. That is no promise that it had an
    /// effect: the statement may have ended just before (PostgreSQL manual, "Canceling Requests
    /// in Progress").
    ///
    /// # Errors
    /// The request could not be delivered.
    ///
    /// # Cancel safety
    /// Dropping the future gives up; the request may have been sent.
    pub async fn cancel(&self) -> Result<(), Lost> {
        (self.send)().await
    }
}

async fn send<D: Dialer>(
    dialer: D,
    address: D::Address,
    token: tokio_postgres::CancelToken,
) -> Result<(), Lost> {
    let lost = |error: String| {
        Lost::new(format!("the cancel request could not be sent to {address}: {error}"))
    };
    let mut stream = dialer.dial(&address).await.map_err(|error| lost(error.to_string()))?;
    let sent = token.cancel_query_raw(&mut stream, NoTls).await;
    sent.map_err(|error| lost(describe(&error)))?;
    // The server has nothing to say, and closes the connection when it has acted.
    let mut nothing = Vec::new();
    stream.read_to_end(&mut nothing).await.map_err(|error| lost(error.to_string()))?;
    Ok(())
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").finish_non_exhaustive()
    }
}
