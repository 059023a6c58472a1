//! A server under test, whatever it is made of. All else goes through its protocol.

use std::future::Future;

use anyhow::Result;

use crate::client::Stream;

/// What the tests ask of a server beside SQL.
pub(crate) trait Arm {
    /// How it is called in messages.
    fn name(&self) -> String;

    /// A new connection to it.
    fn dial(&self) -> impl Future<Output = Result<Box<dyn Stream>>>;

    /// What every role logs in with, where a password is asked for.
    fn password(&self) -> Option<String>;

    /// Everything is killed at once (SIGKILL), and started again on the same data.
    ///
    /// # Errors
    /// It does not start; the text says why.
    fn crash(&mut self) -> impl Future<Output = Result<()>>;

    /// Slots for prepared transactions, from the next start on.
    fn slots(&mut self, count: usize) -> impl Future<Output = Result<()>>;

    /// Whether the end of a transaction gets stuck behind the log from now on.
    fn stall(&mut self, stuck: bool) -> impl Future<Output = Result<()>>;
}
