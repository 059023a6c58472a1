//! The dialer of a simulated machine: byte streams of the run's network, tasks of its executor.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{AbortHandle, abortable};
use indoubt::Clock;
use indoubt_real::Dialer;

use super::words;
use crate::history::Word;
use crate::net::{ByteStream, Endpoint, NodeId, Spoken};
use crate::time::SimClock;

/// What travels as a datagram where everything goes by byte streams: nothing.
#[derive(Clone, Copy, Debug)]
pub enum Silence {}

impl Spoken for Silence {
    fn word(&self) -> Word {
        match *self {}
    }

    fn of_bytes(bytes: &[u8]) -> Word {
        words::of(bytes)
    }
}

/// Dials one server, from one machine.
#[derive(Clone, Debug)]
pub struct SimDialer {
    from: Arc<Endpoint<Silence>>,
    to: NodeId,
    name: Arc<str>,
}

impl SimDialer {
    /// From this machine to the server at that node, which has this name in errors.
    pub fn new(from: Arc<Endpoint<Silence>>, to: NodeId, name: impl Into<Arc<str>>) -> Self {
        Self { from, to, name: name.into() }
    }
}

impl Dialer for SimDialer {
    type Host = Arc<str>;
    type Address = Arc<str>;
    type Stream = ByteStream;
    type Task = Task;

    fn hosts(&self) -> io::Result<Vec<Arc<str>>> {
        Ok(vec![self.name.clone()])
    }

    async fn resolve(&self, host: &Arc<str>) -> io::Result<Vec<Arc<str>>> {
        Ok(vec![host.clone()])
    }

    async fn dial(&self, _: &Arc<str>) -> io::Result<ByteStream> {
        self.from.connect(self.to).await
    }

    async fn sleep(&self, duration: Duration) {
        SimClock.sleep(duration).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Task {
        let (task, handle) = abortable(Box::pin(task));
        madsim::task::spawn(task);
        Task(handle)
    }
}

/// A task of a simulated machine; dropping this ends it.
#[derive(Debug)]
pub struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
