//! Where the server may be, how a byte stream to it comes about, and who drives it.
//!
//! This is the seam at which the same adapter runs over tokio's sockets and inside a
//! simulator, so time, randomness, name service and the choice of a runtime stay on the far
//! side of it. What a server at the other end of a stream is fit for is judged on this side
//! (`connect`). TLS is absent: a dialer hands over a stream on which the Postgres protocol
//! starts.

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

/// Opens byte streams to one Postgres database, wherever it is, and runs the tasks that serve
/// them.
pub trait Dialer: Clone + Send + Sync + 'static {
    /// A host as it was configured; shown when it cannot be resolved.
    type Host: fmt::Display + Send + Sync + 'static;

    /// One place to dial, as a resolved host has several; shown in errors and in logs.
    type Address: fmt::Display + Clone + Send + Sync + 'static;

    /// A connected byte stream.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// A running task; dropping this aborts the task and so closes its stream.
    ///
    /// It must really abort: tokio-postgres's connection task waits for every response that
    /// is outstanding, and would outlive its session behind a server that does not answer.
    type Task: Send + Sync + 'static;

    /// The hosts, in the order in which this search for a server tries them.
    ///
    /// # Errors
    /// The configuration names no host that can be dialled.
    fn hosts(&self) -> io::Result<Vec<Self::Host>>;

    /// The addresses of a host, in the order in which they are tried.
    ///
    /// # Errors
    /// They could not be found out.
    fn resolve(
        &self,
        host: &Self::Host,
    ) -> impl Future<Output = io::Result<Vec<Self::Address>>> + Send;

    /// Connects to one address.
    ///
    /// # Errors
    /// The stream could not be opened. The text need not name the address.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the attempt.
    fn dial(
        &self,
        address: &Self::Address,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Waits this long: an attempt that takes longer makes room for the next address.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;

    /// Runs a task until it ends or its handle is dropped.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Self::Task;
}
