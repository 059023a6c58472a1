//! A client's stream, with what has come and what has to go.
//!
//! What arrived is obeyed even if its sender is gone by then; that it is gone is only noticed
//! where there is nothing left to read, or where an answer cannot be sent.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use pgwire::messages::{
    DecodeContext, PgWireBackendMessage, PgWireFrontendMessage, ProtocolVersion,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::encode;
use crate::error::{PgError, PgResult};
use crate::server::{Deadlines, Shared};
use crate::session::{Block, Session};

/// A client's stream.
pub(super) struct Wire<S> {
    stream: S,
    pub(super) input: BytesMut,
    output: BytesMut,
    pub(super) context: DecodeContext,
    dead: bool,
}

/// What a session that waits for its client gets.
pub(super) enum Event {
    Message(PgWireFrontendMessage),
    /// Something came in on a channel.
    Notified,
    Gone,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        let context = DecodeContext::new(ProtocolVersion::PROTOCOL3_0);
        let (input, output) = (BytesMut::new(), BytesMut::new());
        Self { stream, input, output, context, dead: false }
    }

    /// Whether nothing can be sent to the client any more.
    pub(super) fn is_dead(&self) -> bool {
        self.dead
    }

    /// The message that comes next, once it is complete.
    ///
    /// # Errors
    /// What ends the session: an interrupt, the client's idleness, nonsense.
    pub(super) async fn next(&mut self, session: &Session) -> PgResult<Event> {
        loop {
            if self.input.first() == Some(&b'F') {
                return Err(PgError::fatal(
                    "0A000",
                    "this simulated server does not support calls \
                     of functions by the protocol",
                ));
            }
            if let Some(message) = self.decode()? {
                // An end that was asked for meanwhile comes first.
                session.shared.poll(Vec::new(), |_| Poll::Ready(())).await?;
                return Ok(Event::Message(message));
            }
            session.shared.note(Some(("Client", "ClientRead")));
            let read = self.read(&session.shared, patience(session), session).await;
            session.shared.note(None);
            match read? {
                Read::Some => {}
                Read::Notified => return Ok(Event::Notified),
                Read::None => return Ok(Event::Gone),
            }
        }
    }

    pub(super) fn decode(&mut self) -> PgResult<Option<PgWireFrontendMessage>> {
        PgWireFrontendMessage::decode(&mut self.input, &self.context)
            .map_err(|error| PgError::fatal("08P01", format!("invalid message: {error}")))
    }

    async fn read(
        &mut self,
        shared: &Shared,
        deadlines: Deadlines,
        session: &Session,
    ) -> PgResult<Read> {
        let idle = session.data.block == Block::Idle;
        let pid = session.data.pid;
        let (stream, input) = (&mut self.stream, &mut self.input);
        shared
            .poll(deadlines, |cx| {
                let notified = idle
                    && shared.lock().backends.get(&pid).is_some_and(|b| !b.notified.is_empty());
                if notified {
                    return Poll::Ready(Read::Notified);
                }
                poll_read(stream, input, cx)
            })
            .await
    }

    /// Reads without a session, before there is one. False if nothing comes any more.
    pub(super) async fn read_plain(&mut self) -> bool {
        let (stream, input) = (&mut self.stream, &mut self.input);
        matches!(poll_fn(|cx| poll_read(stream, input, cx)).await, Read::Some)
    }

    pub(super) fn push(&mut self, message: &PgWireBackendMessage) {
        if !self.dead {
            encode::message(message, &mut self.output);
        }
    }

    pub(super) fn error(&mut self, error: &PgError) {
        self.push(&encode::error(error));
    }

    pub(super) fn notice(&mut self, notice: &PgError) {
        self.push(&encode::notice(notice));
    }

    /// Sends what there is. A client that is gone is no error, but noted.
    ///
    /// # Errors
    /// An interrupt.
    pub(super) async fn flush(&mut self, shared: &Shared) -> PgResult<()> {
        if self.dead {
            self.output.clear();
            return Ok(());
        }
        let (stream, output, dead) = (&mut self.stream, &mut self.output, &mut self.dead);
        shared
            .poll(Vec::new(), |cx| {
                let written = poll_write(stream, output, cx);
                if written.is_pending() {
                    shared.note(Some(("Client", "ClientWrite")));
                }
                written.map(|alive| *dead |= !alive)
            })
            .await?;
        shared.note(None);
        Ok(())
    }

    /// Sends what there is without a session, before there is one.
    pub(super) async fn flush_plain(&mut self) {
        let (stream, output) = (&mut self.stream, &mut self.output);
        self.dead |= !poll_fn(|cx| poll_write(stream, output, cx)).await;
    }

    /// Sends what there is, and ends the stream.
    pub(super) async fn close(mut self) {
        self.flush_plain().await;
        let stream = &mut self.stream;
        // Whether the other side hears of it is not ours to know.
        let _ended = poll_fn(|cx| Pin::new(&mut *stream).poll_shutdown(cx)).await;
    }
}

enum Read {
    Some,
    None,
    Notified,
}

/// How long a session waits for its client.
fn patience(session: &Session) -> Deadlines {
    let (name, code, text) = match session.data.block {
        Block::Idle => ("idle_session_timeout", "57P05", "idle-session timeout"),
        _ => ("idle_in_transaction_session_timeout", "25P03", "idle-in-transaction timeout"),
    };
    let limit = session.data.settings.milliseconds(name).map(Duration::from_millis);
    let text = format!("terminating connection due to {text}");
    limit.map(|limit| (limit, PgError::fatal(code, text))).into_iter().collect()
}

fn poll_read<S: AsyncRead + Unpin>(
    stream: &mut S,
    input: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<Read> {
    let mut space = [0; 4096];
    let mut buffer = ReadBuf::new(&mut space);
    match ready!(Pin::new(stream).poll_read(cx, &mut buffer)) {
        Ok(()) if !buffer.filled().is_empty() => {
            input.extend_from_slice(buffer.filled());
            Poll::Ready(Read::Some)
        }
        // What was reset has ended, too.
        Ok(()) | Err(_) => Poll::Ready(Read::None),
    }
}

/// Whether all could be written.
fn poll_write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    output: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<bool> {
    while !output.is_empty() {
        match ready!(Pin::new(&mut *stream).poll_write(cx, output)) {
            Ok(0) | Err(_) => {
                output.clear();
                return Poll::Ready(false);
            }
            Ok(written) => output.advance(written),
        }
    }
    Poll::Ready(ready!(Pin::new(stream).poll_flush(cx)).is_ok())
}
