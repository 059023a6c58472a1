//! The server: what the host holds of it.

mod backend;
mod hands;
mod recovery;
mod state;
mod wait;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::edges::{Clock, Edges, Observer, Wal};
use crate::options::Options;
use crate::wire;

pub(crate) use backend::{Activity, Backend, admin_shutdown};
pub use hands::{BackendInfo, PreparedInfo, Shutdown};
pub use recovery::OpenError;
pub(crate) use state::{Gxact, Phase, State};
pub(crate) use wait::{Deadlines, SILENT, Shared};

/// A server that runs. A cheap handle: clones are of the same server.
#[derive(Clone, Debug)]
pub struct Server {
    pub(crate) state: Arc<Mutex<State>>,
}

impl Server {
    /// Starts a server on a log: replays it, and lets clients in.
    ///
    /// The options have to be those that the cluster was created with, but for the timeline, the
    /// version, and what may be changed at a restart.
    ///
    /// # Errors
    /// The log cannot be read, or holds more prepared transactions than the server has slots for.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the log as it is.
    pub async fn open(
        options: Options,
        wal: impl Wal,
        clock: impl Clock,
        observer: impl Observer,
    ) -> Result<Self, OpenError> {
        let state = State::new(options, Edges::new(wal, clock, observer));
        let server = Self { state: Arc::new(Mutex::new(state)) };
        server.recover().await?;
        Ok(server)
    }

    /// Serves one client, from its first packet to its end: one backend.
    ///
    /// A backend whose client has gone finishes what it is at, and the messages that have
    /// arrived, before it notices; so a late `PREPARE TRANSACTION` still takes effect.
    ///
    /// # Cancel safety
    /// The future has to be driven to its end, however the client ends. To drop it is to drop the
    /// server with it: what the backend held is held for ever.
    pub fn serve<S>(&self, stream: S) -> impl Future<Output = ()> + Send + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        wire::serve(self.clone(), stream)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
