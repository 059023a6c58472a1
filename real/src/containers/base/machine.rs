//! What a server runs on, and what can be done to it there.

use futures::future::BoxFuture;

use super::{ControlError, StartError};

/// A server's processes and its data, wherever they are. Dropping it ends the one and removes the
/// other.
///
/// Each call is boxed, so that what is behind it, all of a client of Docker for one, is compiled
/// here and not in every test that starts a server.
pub(in crate::containers) trait Machine: Send + Sync {
    /// Starts the server, unless it runs. It may not accept connections yet.
    fn start_again(&self) -> BoxFuture<'_, Result<(), StartError>>;

    /// The end of the server's log, if it no longer runs.
    fn log_if_ended(&self) -> BoxFuture<'_, Option<String>>;

    /// Kills every process, and waits until they are gone.
    fn kill(&self) -> BoxFuture<'_, Result<(), ControlError>>;

    /// Freezes every process.
    fn pause(&self) -> BoxFuture<'_, Result<(), ControlError>>;

    /// Lets them go on.
    fn unpause(&self) -> BoxFuture<'_, Result<(), ControlError>>;

    /// As dropping it, but failure is told.
    fn remove(self: Box<Self>) -> BoxFuture<'static, Result<(), ControlError>>;
}
