//! What a stream asks of its end: reading, writing, and the ways to end.

use std::{
    io,
    task::{Poll, Waker},
};

use tokio::io::ReadBuf;

use super::aim::StreamDeed;
use super::connection::{Life, Side};
use super::options::MAXIMUM_SEGMENT;
use super::segment::Cargo;
use super::step::{ConnectionId, Step, StreamEvent, What};
use super::streams::Streams;
use crate::net::ground::MINIMUM_LATENCY;

impl Streams {
    pub(super) fn poll_read(
        &mut self,
        (id, side): (ConnectionId, Side),
        waker: &Waker,
        into: &mut ReadBuf<'_>,
        step: &mut Step<'_>,
    ) -> Poll<io::Result<()>> {
        self.send_answer(id, side, step);
        let Some(connection) = self.connections.get_mut(&id) else { return Poll::Pending };
        match connection.life(side) {
            Life::Open => {}
            Life::Reset => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            _ => return Poll::Pending,
        }
        let pipe = connection.to(side);
        if into.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if pipe.unread.is_empty() {
            if pipe.ended {
                return Poll::Ready(Ok(()));
            }
            return step.wait(&mut pipe.reader, waker);
        }
        let room = into.remaining();
        let mut strike = None;
        while strike.is_none()
            && let Some(chunk) = pipe.unread.front_mut()
        {
            let bytes = &chunk.bytes[chunk.read..];
            let taken = bytes.len().min(into.remaining());
            into.put_slice(&bytes[..taken]);
            chunk.read += taken;
            if chunk.read < chunk.bytes.len() {
                break;
            }
            strike = chunk.strike;
            pipe.unread.pop_front();
        }
        let due = pipe.give_credit(room - into.remaining(), step.now, step.ways);
        if pipe.writer.is_some() {
            let event = StreamEvent { connection: id, sender: side, what: What::Room };
            step.schedule(due, event);
        }
        if let Some(deed) = strike {
            if matches!(deed, StreamDeed::Swallow | StreamDeed::HalfClose) {
                // What is behind it has arrived too early to be swallowed.
                pipe.unread.clear();
            }
            self.perform(deed, (id, side.other()), step);
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_write(
        &mut self,
        (id, side): (ConnectionId, Side),
        waker: &Waker,
        bytes: &[u8],
        step: &mut Step<'_>,
    ) -> Poll<io::Result<usize>> {
        self.send_answer(id, side, step);
        let capacity = self.options.capacity();
        let Some(connection) = self.connections.get_mut(&id) else { return Poll::Pending };
        match connection.life(side) {
            Life::Open => {}
            Life::Reset => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            _ => return Poll::Pending,
        }
        let pipe = connection.from(side);
        if pipe.shut {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        pipe.take_credit(step.now, step.ways);
        let room = capacity.saturating_sub(pipe.held);
        if room == 0 {
            let due = pipe.credits.front().map(|(due, _)| *due);
            if let Some(due) = due.filter(|due| *due > step.now) {
                // Nobody waited when that was read, so there is no timer yet.
                let due = due.max(step.now + MINIMUM_LATENCY);
                let event = StreamEvent { connection: id, sender: side.other(), what: What::Room };
                step.schedule(due, event);
            }
            return step.wait(&mut pipe.writer, waker);
        }
        let taken = bytes.len().min(room).min(MAXIMUM_SEGMENT);
        pipe.held += taken;
        self.send(id, side, Cargo::Data(bytes[..taken].to_vec()), step);
        Poll::Ready(Ok(taken))
    }

    /// Whether the end is reset: what is written is on its way at once, so there is nothing to flush.
    pub(super) fn poll_flush(
        &mut self,
        (id, side): (ConnectionId, Side),
        step: &mut Step<'_>,
    ) -> Poll<io::Result<()>> {
        self.send_answer(id, side, step);
        match self.connections.get(&id).map(|connection| connection.life(side)) {
            Some(Life::Open) => Poll::Ready(Ok(())),
            Some(Life::Reset) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            _ => Poll::Pending,
        }
    }

    /// Ends the writing, once.
    pub(super) fn poll_shutdown(
        &mut self,
        (id, side): (ConnectionId, Side),
        step: &mut Step<'_>,
    ) -> Poll<io::Result<()>> {
        let flushed = self.poll_flush((id, side), step);
        if flushed.is_ready()
            && let Some(connection) = self.connections.get_mut(&id)
            && connection.life(side) == Life::Open
            && !std::mem::replace(&mut connection.from(side).shut, true)
        {
            self.send(id, side, Cargo::Fin, step);
        }
        flushed
    }

    /// The stream of an end is dropped, or its process has come to its end. What was written is
    /// still sent; but if something was not read, the other end is told by a reset, as RFC 1122
    /// (4.2.2.13) asks.
    pub(super) fn close(&mut self, id: ConnectionId, side: Side, step: &mut Step<'_>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let life = connection.life(side);
        if !matches!(life, Life::Unborn | Life::Closed | Life::Vanished) {
            connection.end(side).life = Life::Closed;
            connection.end(side).answer = None;
            let pipe = connection.to(side);
            step.later.remains.extend(pipe.reader.take());
            let unread = !pipe.unread.is_empty();
            pipe.unread.clear();
            let pipe = connection.from(side);
            step.later.remains.extend(pipe.writer.take());
            let shut = std::mem::replace(&mut pipe.shut, true);
            match life {
                Life::Open if unread => self.send_reset(id, side, step),
                Life::Open if !shut => self.send(id, side, Cargo::Fin, step),
                Life::Embryonic | Life::Expected | Life::Waiting => {
                    self.send_reset(id, side, step);
                }
                _ => {}
            }
        }
        self.bury(id);
    }
}
