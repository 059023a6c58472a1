//! One life of a node on the network: it sends and receives until it is dropped or killed.

use std::{
    future::poll_fn,
    task::{Context, Poll},
};

use super::{NodeId, aim::Spoken, state::Incarnation, wire::Wire};

/// A node's connection to the network, from its `bind` to its death.
///
/// Dropping it takes the node down as a kill does. Share it by reference or in an `Arc`.
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
        drop(remains);
    }
}
