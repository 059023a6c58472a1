//! How a byte stream to the server comes about, and who drives it.
//!
//! This is the seam at which the same adapter runs over tokio's sockets and inside a
//! simulator, so time, randomness and the choice of a runtime stay on the far side of it.
//! TLS is absent: a dialer hands over a stream on which the Postgres protocol starts.

use std::future::Future;
use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

/// Opens byte streams to one Postgres server and runs the tasks that serve them.
pub trait Dialer: Clone + Send + Sync + 'static {
    /// A connected byte stream.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// A running task; dropping this aborts the task and so closes its stream.
    ///
    /// It must really abort: tokio-postgres's connection task waits for every response that
    /// is outstanding, and would outlive its session behind a server that does not answer.
    type Task: Send + Sync + 'static;

    /// Connects.
    ///
    /// # Errors
    /// The stream could not be opened. The text should name the address.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the attempt.
    fn dial(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Runs a task until it ends or its handle is dropped.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Self::Task;
}
