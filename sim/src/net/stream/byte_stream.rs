//! One end of a connection, as a process has it.

use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Side;
use super::step::{Carrier, ConnectionId, Passing, Step};
use super::streams::Streams;
use crate::net::ground::NodeId;

/// A connected byte stream between two nodes, to read from and write to by tokio's traits.
///
/// A write is a segment of its own and on its way at once, so flushing has nothing to wait for.
/// `shutdown` ends the writing: the peer reads to the end, and the other direction goes on.
///
/// Dropping it closes it: what was written still arrives, then the end, and what arrives afterwards
/// is answered by a reset. If something had arrived and was not read, the peer is reset at once. Drop
/// it where a timer may be armed, that is, anywhere but in a timer callback of the runtime.
///
/// Once its node has been killed, or its process ended, every call of it stays pending, and its drop
/// does nothing.
///
/// # Errors
/// - `ConnectionReset`, of every call from then on: the peer's machine said that it has no such
///   connection, or the network reset it. What was not yet read is gone.
/// - `BrokenPipe`, of a write: this end has shut its writing down.
///
/// There is no other sign of a peer's death, and no timeout: keep-alive and the user timeout of TCP are
/// absent.
///
/// # Cancel safety
/// A read or a write that is pending has read or written nothing. One task at a time may wait for
/// each.
pub struct ByteStream {
    carrier: Arc<dyn Carrier>,
    id: ConnectionId,
    side: Side,
    local: NodeId,
    peer: NodeId,
}

impl ByteStream {
    /// The client's end, of a connection that may not have come about.
    pub(in crate::net) fn client(
        carrier: Arc<dyn Carrier>,
        id: ConnectionId,
        local: NodeId,
        peer: NodeId,
    ) -> Self {
        Self { carrier, id, side: Side::Client, local, peer }
    }

    /// The server's end.
    pub(in crate::net) fn server(
        carrier: Arc<dyn Carrier>,
        id: ConnectionId,
        local: NodeId,
        peer: NodeId,
    ) -> Self {
        Self { carrier, id, side: Side::Server, local, peer }
    }

    /// The node at this end.
    pub const fn local(&self) -> NodeId {
        self.local
    }

    /// The node at the other end.
    pub const fn peer(&self) -> NodeId {
        self.peer
    }

    /// Waits for the connection to come about.
    pub(in crate::net) fn poll_connected(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.take(|streams, step| streams.poll_connected(self.id, cx.waker(), step))
    }

    fn take<T>(&self, act: impl FnOnce(&mut Streams, &mut Step<'_>) -> Poll<T>) -> Poll<T> {
        let mut act = Some(act);
        let mut result = Poll::Pending;
        self.carrier.take(&mut |streams, step| {
            if let Some(act) = act.take() {
                result = act(streams, step);
            }
        });
        result
    }

    /// Whether its node has been killed, or its process ended.
    fn is_over(&self) -> bool {
        let (id, side) = self.end();
        let mut is_over = false;
        self.carrier.take(&mut |streams, _| is_over = streams.is_over(id, side));
        is_over
    }

    const fn end(&self) -> (ConnectionId, Side) {
        (self.id, self.side)
    }
}

impl AsyncRead for ByteStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = self.take(|streams, step| streams.poll_read(self.end(), cx.waker(), into, step));
        if into.filled().len() == before {
            return read;
        }
        let ends = (self.peer, self.local);
        let told = self.carrier.pass(Passing::Read, ends, &into.filled()[before..]);
        if told && self.is_over() {
            // That was the end of the reader.
            into.set_filled(before);
            return Poll::Pending;
        }
        read
    }
}

impl AsyncWrite for ByteStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let end = self.end();
        let written = self.take(|streams, step| streams.poll_write(end, cx.waker(), bytes, step));
        if let Poll::Ready(Ok(length)) = written {
            self.carrier.pass(Passing::Written, (self.local, self.peer), &bytes[..length]);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.take(|streams, step| streams.poll_flush(self.end(), step))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.take(|streams, step| streams.poll_shutdown(self.end(), step))
    }
}

impl Drop for ByteStream {
    fn drop(&mut self) {
        let (id, side) = self.end();
        self.carrier.take(&mut |streams, step| streams.close(id, side, step));
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { local, peer, .. } = self;
        f.debug_struct("ByteStream")
            .field("local", local)
            .field("peer", peer)
            .finish_non_exhaustive()
    }
}
