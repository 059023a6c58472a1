//! What the wire tells that the driver does not: whether anybody reads it, which backend the
//! start-up named, and what a transaction failed by.
//!
//! tokio-postgres stops reading while a row stream that the user holds is full, and gives an
//! error only to the statement that it belongs to. A vote has to know of both. And it keeps
//! the key that cancels to itself, whose process id gives a pooler away. So the stream is
//! listened to on its way to the driver, which is handed every byte as it came. Absent: anything
//! that is kept of rows, and the messages of the client.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A byte stream that is listened to.
pub(super) struct Tapped<S> {
    stream: S,
    tap: Tap,
}

/// What was heard of a stream so far.
#[derive(Clone, Default)]
pub(super) struct Tap(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    reading: Reading,
    listener: Listener,
}

/// How the driver stands to what the server sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// It has asked for more, and there is none yet. If not, it has stopped reading.
    pub(super) waits: bool,
    /// How often it got something.
    pub(super) times: u64,
}

/// What made a transaction fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FailedBy {
    /// The SQLSTATE.
    pub(super) code: String,
    /// The server's sentence.
    pub(super) message: String,
}

impl<S> Tapped<S> {
    pub(super) fn new(stream: S) -> (Self, Tap) {
        let tap = Tap::default();
        (Self { stream, tap: tap.clone() }, tap)
    }
}

impl Tap {
    pub(super) fn reading(&self) -> Reading {
        self.heard().reading
    }

    /// What the transaction that is open now failed by, if it has failed.
    pub(super) fn failed_by(&self) -> Option<FailedBy> {
        self.heard().listener.failed_by.clone()
    }

    /// The process id that came with the key that cancels; none if no key came.
    pub(super) fn backend_pid(&self) -> Option<i32> {
        self.heard().listener.backend_pid
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tapped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let mut heard = self.tap.heard();
        heard.reading.waits = polled.is_pending();
        let result = ready!(polled);
        heard.reading.times += 1;
        heard.listener.hear(&buffer.filled()[before..]);
        Poll::Ready(result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tapped<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Follows the server's messages (PostgreSQL manual, "Message Formats"): a tag, a length that
/// counts itself, a body.
#[derive(Default)]
struct Listener {
    header: Vec<u8>,
    /// Of the message that is being heard; kept only of those that matter.
    body: Vec<u8>,
    /// How much of the body is still to come.
    to_come: usize,
    /// The first error since the server was last ready.
    error: Option<FailedBy>,
    failed_by: Option<FailedBy>,
    backend_pid: Option<i32>,
}

const HEADER: usize = 5;
const BACKEND_KEY_DATA: u8 = b'K';
const ERROR_RESPONSE: u8 = b'E';
const READY_FOR_QUERY: u8 = b'Z';

/// More of an error than this is not kept: the code and the message come first.
const KEPT: usize = 4096;

impl Listener {
    fn hear(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.header.len() < HEADER {
                let missing = HEADER - self.header.len();
                let (part, rest) = bytes.split_at(missing.min(bytes.len()));
                self.header.extend(part);
                bytes = rest;
                let [_, a, b, c, d] = self.header[..] else { return };
                self.to_come = (u32::from_be_bytes([a, b, c, d]) as usize).saturating_sub(4);
            }
            let (part, rest) = bytes.split_at(self.to_come.min(bytes.len()));
            let tag = self.header[0];
            if matches!(tag, BACKEND_KEY_DATA | ERROR_RESPONSE | READY_FOR_QUERY) {
                let room = KEPT.saturating_sub(self.body.len());
                self.body.extend(&part[..room.min(part.len())]);
            }
            self.to_come -= part.len();
            bytes = rest;
            if self.to_come == 0 {
                self.understand(tag);
                self.header.clear();
                self.body.clear();
            }
        }
    }

    fn understand(&mut self, tag: u8) {
        match tag {
            BACKEND_KEY_DATA => {
                self.backend_pid = self.body.first_chunk().map(|pid| i32::from_be_bytes(*pid));
            }
            ERROR_RESPONSE if self.error.is_none() => self.error = Some(error(&self.body)),
            READY_FOR_QUERY => {
                let error = self.error.take();
                if self.body.first() != Some(&b'E') {
                    self.failed_by = None;
                } else if self.failed_by.is_none() {
                    self.failed_by = error;
                }
            }
            _ => {}
        }
    }
}

/// Reads the fields of an error: each a letter and a text that ends with a zero.
fn error(body: &[u8]) -> FailedBy {
    let field = |letter| {
        let mut fields = body.split(|byte| *byte == 0);
        let found = fields.find_map(|field| field.strip_prefix(&[letter]));
        found.map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default()
    };
    FailedBy { code: field(b'C'), message: field(b'M') }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[tag], length.to_be_bytes().as_slice(), body].concat()
    }

    fn refused(code: &str) -> Vec<u8> {
        message(b'E', format!("SERROR\0C{code}\0Mno: {code}\0\0").as_bytes())
    }

    fn ready(status: u8) -> Vec<u8> {
        message(b'Z', &[status])
    }

    #[test]
    fn the_process_id_comes_before_a_key_of_any_length() {
        for key in [4, 32, 256] {
            let mut listener = Listener::default();
            let body = [&4711_i32.to_be_bytes(), vec![b'Z'; key].as_slice()].concat();
            message(b'K', &body).chunks(3).for_each(|bytes| listener.hear(bytes));
            assert_eq!(listener.backend_pid, Some(4711));
        }
        let mut listener = Listener::default();
        listener.hear(&message(b'K', &[1, 2]));
        assert_eq!(listener.backend_pid, None, "it is cut short");
    }

    #[test]
    fn a_transaction_failed_by_its_first_error_until_it_is_rolled_back() {
        let code = |listener: &Listener| listener.failed_by.clone().map(|by| by.code);
        // However the stream is cut into pieces.
        for piece in [1, 2, 3, 7, 1000] {
            let mut listener = Listener::default();
            let hear = |listener: &mut Listener, messages: &[Vec<u8>]| {
                messages.concat().chunks(piece).for_each(|bytes| listener.hear(bytes));
            };
            hear(&mut listener, &[message(b'R', &[0; 4]), message(b'1', &[]), ready(b'T')]);
            assert_eq!(code(&listener), None);
            hear(&mut listener, &[message(b'D', &[b'E'; 50]), refused("55P03"), ready(b'E')]);
            hear(&mut listener, &[refused("25P02"), ready(b'E')]);
            assert_eq!(code(&listener).as_deref(), Some("55P03"));
            hear(&mut listener, &[message(b'C', b"ROLLBACK\0"), ready(b'T')]);
            assert_eq!(code(&listener), None, "back at a savepoint");
            hear(&mut listener, &[refused("23505"), ready(b'I')]);
            assert_eq!(code(&listener), None, "outside of a transaction");
            assert!(listener.header.is_empty() && listener.body.is_empty());
        }
    }
}
