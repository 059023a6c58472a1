//! Framing of the Postgres protocol, version 3: a tag, a length that counts itself, a body.
//!
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>. Only what the
//! proxy acts on has a name here; everything else is passed on unread.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(super) const BIND: u8 = b'B';
pub(super) const EXECUTE: u8 = b'E';
pub(super) const PARSE: u8 = b'P';
pub(super) const QUERY: u8 = b'Q';
const FUNCTION_CALL: u8 = b'F';
/// What a client says while it logs in.
const PASSWORD: u8 = b'p';
const TERMINATE: u8 = b'X';
const SYNC: u8 = b'S';
const READY_FOR_QUERY: u8 = b'Z';

const SSL_REQUEST: u32 = 80_877_103;
const GSS_ENCRYPTION_REQUEST: u32 = 80_877_104;

/// No message of a test is near this; a larger length means that framing was lost.
const LARGEST: usize = 1 << 28;
const HEADER: usize = 5;

/// One message of either side.
pub(super) struct Message {
    pub(super) tag: u8,
    /// All of it, header included, as it came.
    pub(super) bytes: Vec<u8>,
}

impl Message {
    pub(super) fn body(&self) -> &[u8] {
        &self.bytes[HEADER..]
    }

    /// Whether a client that says this asks for something, with this or with what follows.
    pub(super) fn begins_a_request(&self) -> bool {
        !matches!(self.tag, PASSWORD | TERMINATE)
    }

    /// Whether the server will answer this message of a client with a `ReadyForQuery`.
    pub(super) fn asks_for_reply(&self) -> bool {
        matches!(self.tag, QUERY | SYNC | FUNCTION_CALL)
    }

    /// Whether this message of a server ends its answer.
    pub(super) fn is_ready_for_query(&self) -> bool {
        self.tag == READY_FOR_QUERY
    }
}

/// The next message, or `None` when the other side has closed the connection.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Message>> {
    let tag = match from.read_u8().await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        tag => tag?,
    };
    let mut bytes = vec![tag];
    read_counted(from, &mut bytes).await?;
    Ok(Some(Message { tag, bytes }))
}

/// The message that begins a connection, which alone has no tag. Requests for encryption
/// before it are declined.
pub(super) async fn read_startup(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    loop {
        let mut bytes = Vec::new();
        read_counted(client, &mut bytes).await?;
        let code = bytes.get(4..8).and_then(|code| code.try_into().ok()).map(u32::from_be_bytes);
        if !matches!(code, Some(SSL_REQUEST | GSS_ENCRYPTION_REQUEST)) {
            return Ok(bytes);
        }
        client.write_all(b"N").await?;
    }
}

/// Appends a length and the bytes that it counts.
async fn read_counted(from: &mut (impl AsyncRead + Unpin), into: &mut Vec<u8>) -> io::Result<()> {
    let length = from.read_u32().await?;
    let rest = usize::try_from(length).ok().and_then(|length| length.checked_sub(4));
    let rest = rest.filter(|rest| *rest <= LARGEST).ok_or(io::ErrorKind::InvalidData)?;
    into.extend(length.to_be_bytes());
    let start = into.len();
    into.resize(start + rest, 0);
    from.read_exact(&mut into[start..]).await?;
    Ok(())
}
