//! One life of a node on the network: it sends and receives until it is dropped or killed.

use std::{
    future::{pending, poll_fn},
    io,
    sync::Arc,
    task::{Context, Poll},
};

use super::{ByteStream, NodeId, aim::Spoken, state::Incarnation, stream::Carrier, wire::Wire};

/// A node's connection to the network, from its `bind` to its death.
///
/// Dropping it takes the node down as a kill does: its peers are told nothing. Share it by reference or
/// in an `Arc`.
#[derive(Debug)]
pub struct Endpoint<M> {
    wire: Wire<M>,
    node: NodeId,
    incarnation: Incarnation,
}

impl<M: Clone + Spoken + Send + 'static> Endpoint<M> {
    pub(super) const fn new(wire: Wire<M>, node: NodeId, incarnation: Incarnation) -> Self {
        Self { wire, node, incarnation }
    }

    /// The node this speaks for.
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// Sends a message that may arrive never, late, twice or out of order.
    ///
    /// Never blocks and never reports anything. Does nothing once the node has been killed. To
    /// the node itself, a message arrives without faults.
    pub fn send(&self, to: NodeId, message: M) {
        self.wire.send(self.node, self.incarnation, to, message);
    }

    /// Receives the next message and its sender; pends for ever once the node has been killed.
    ///
    /// One task at a time may wait: a second one takes the first one's place in being woken.
    ///
    /// # Cancel safety
    /// A message leaves the inbox only as the future's output.
    pub async fn recv(&self) -> (NodeId, M) {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Opens a byte stream to a node that listens. To the node itself it has no faults.
    ///
    /// It hangs for as long as the way there or back is cut, or the machine there without power; and
    /// for ever once this node has been killed.
    ///
    /// # Errors
    /// - `ConnectionRefused`: the machine is on, and no process on it listens.
    /// - `ConnectionReset`: it was reset before it had come about.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the attempt, and the other node never knows.
    pub async fn connect(&self, to: NodeId) -> io::Result<ByteStream> {
        if !self.is_current() {
            return pending().await;
        }
        let id = self.wire.step(|streams, step| streams.open(self.node, to, step));
        let stream = ByteStream::client(self.carrier(), id, self.node, to);
        poll_fn(|cx| stream.poll_connected(cx)).await?;
        Ok(stream)
    }

    /// Has this process listen for connections, from now on until its end. [`accept`](Self::accept)
    /// does too; before either, who connects is refused.
    pub fn listen(&self) {
        if self.is_current() {
            self.wire.step(|streams, _| streams.listen(self.node));
        }
    }

    /// Takes the next byte stream that was opened to this node, and who opened it; pends for ever once
    /// the node has been killed.
    ///
    /// One task at a time may wait.
    ///
    /// # Cancel safety
    /// A stream is taken only as the future's output.
    pub async fn accept(&self) -> (NodeId, ByteStream) {
        let (from, id) = poll_fn(|cx| {
            if !self.is_current() {
                return Poll::Pending;
            }
            self.wire.step(|streams, step| streams.poll_accept(self.node, cx.waker(), step))
        })
        .await;
        (from, ByteStream::server(self.carrier(), id, self.node, from))
    }

    fn is_current(&self) -> bool {
        self.wire.state().is_current(self.node, self.incarnation)
    }

    fn carrier(&self) -> Arc<dyn Carrier> {
        Arc::new(self.wire.clone())
    }

    fn poll_recv(&self, cx: &Context<'_>) -> Poll<(NodeId, M)> {
        let received = self.wire.state().receive(self.node, self.incarnation, cx.waker());
        // The lock is released: a waker that was replaced is dropped here.
        let Ok((from, message)) = received else { return Poll::Pending };
        if self.wire.has_received(from, (self.node, self.incarnation), &message) {
            Poll::Ready((from, message))
        } else {
            Poll::Pending
        }
    }
}

impl<M> Drop for Endpoint<M> {
    fn drop(&mut self) {
        let remains = self.wire.state().unbind(self.node, self.incarnation);
        if remains.is_some() {
            self.wire.step(|streams, step| streams.lose_power(self.node, step));
        }
    }
}
