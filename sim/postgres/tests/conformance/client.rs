//! A client that tells everything that a server says: tags, codes, notices, and where the
//! transaction stands. Drivers hide half of that.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::BytesMut;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::told;

/// What a client speaks over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A session, as its client has it. Dropping it closes the stream without a farewell.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    input: BytesMut,
    /// What has been told of the answer that is coming in.
    told: String,
    /// By which the session is known, and may be cancelled.
    pub(crate) key: (i32, i32),
}

/// An answer that has come in as a whole.
pub(crate) struct Answer {
    pub(crate) text: String,
    /// The session has ended with it.
    pub(crate) last: bool,
}

impl Client {
    /// Opens a session.
    ///
    /// # Errors
    /// It is refused; the text says how.
    pub(crate) async fn open(
        stream: Box<dyn Stream>,
        (user, database): (&str, &str),
        password: Option<&str>,
    ) -> Result<Self> {
        let (input, told) = (BytesMut::new(), String::new());
        let mut client = Self { stream, input, told, key: (0, 0) };
        client
            .send(|out| frontend::startup_message([("user", user), ("database", database)], out))
            .await?;
        let mut scram = None;
        loop {
            match client.message().await?.context("the server hung up")? {
                Message::AuthenticationSasl(_) => {
                    let password = password.context("a password is asked for")?.as_bytes();
                    let begun = ScramSha256::new(password, ChannelBinding::unsupported());
                    client
                        .send(|out| {
                            frontend::sasl_initial_response(SCRAM_SHA_256, begun.message(), out)
                        })
                        .await?;
                    scram = Some(begun);
                }
                Message::AuthenticationSaslContinue(body) => {
                    let scram = scram.as_mut().context("SCRAM was not begun")?;
                    scram.update(body.data())?;
                    client.send(|out| frontend::sasl_response(scram.message(), out)).await?;
                }
                Message::AuthenticationSaslFinal(body) => {
                    scram.as_mut().context("SCRAM was not begun")?.finish(body.data())?;
                }
                Message::BackendKeyData(body) => {
                    client.key = (body.process_id(), body.secret_key());
                }
                Message::ErrorResponse(body) => bail!("{}", told::complaint(body.fields())?),
                Message::ReadyForQuery(_) => return Ok(client),
                _ => {}
            }
        }
    }

    /// Sends messages.
    pub(crate) async fn send(
        &mut self,
        write: impl FnOnce(&mut BytesMut) -> std::io::Result<()>,
    ) -> Result<()> {
        let mut out = BytesMut::new();
        write(&mut out)?;
        // Whether the other side is still there its answer says.
        let _sent = self.stream.write_all(&out).await;
        Ok(())
    }

    /// Sends a string of statements by the simple protocol.
    pub(crate) async fn ask(&mut self, sql: &str) -> Result<()> {
        self.send(|out| frontend::query(sql, out)).await
    }

    /// The message that comes next; none if the session has ended.
    async fn message(&mut self) -> Result<Option<Message>> {
        loop {
            if let Some(message) = Message::parse(&mut self.input)? {
                return Ok(Some(message));
            }
            if !matches!(self.stream.read_buf(&mut self.input).await, Ok(1..)) {
                return Ok(None);
            }
        }
    }

    /// All up to where the session is ready again, or ends.
    ///
    /// # Cancel safety
    /// What has come in is kept for the next call.
    pub(crate) async fn answer(&mut self) -> Result<Answer> {
        loop {
            let Some(message) = self.message().await? else {
                self.told += "  (the session ends)\n";
                return Ok(Answer { text: std::mem::take(&mut self.told), last: true });
            };
            if told::tell(&message, &mut self.told)? {
                return Ok(Answer { text: std::mem::take(&mut self.told), last: false });
            }
        }
    }

    /// The same, if it comes within this time.
    pub(crate) async fn answer_within(&mut self, limit: Duration) -> Result<Option<Answer>> {
        timeout(limit, self.answer()).await.ok().transpose()
    }

    /// The rows of a query, as texts.
    ///
    /// # Errors
    /// It failed.
    pub(crate) async fn rows(&mut self, sql: &str) -> Result<Vec<Vec<String>>> {
        self.ask(sql).await?;
        let (mut rows, mut failed) = (Vec::new(), None);
        loop {
            match self.message().await?.context("the session has ended")? {
                Message::DataRow(row) => rows.push(told::values(&row)?),
                Message::ErrorResponse(body) => failed = Some(told::complaint(body.fields())?),
                Message::ReadyForQuery(_) => break,
                _ => {}
            }
        }
        ensure!(failed.is_none(), "{sql}: {}", failed.unwrap_or_default());
        Ok(rows)
    }
}
