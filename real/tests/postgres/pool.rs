//! What may stand before a server: a pooler, which opens sessions of its own and lends them to
//! whoever connects to it.
//!
//! It speaks as pgbouncer does: it answers a client's startup by itself, with a key of its own,
//! and takes a backend once the client sends something. Absent: passwords, cancelling, and a
//! bound on the number of backends.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_postgres::{Config, NoTls};

/// How long a client has a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Until it goes away.
    Session,
    /// Until its statement is over. A transaction that is open then ends the session.
    Statement,
    /// Until its transaction is over.
    Transaction(Reuse),
}

/// Which idle backend is lent next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    LastUsed,
    LongestIdle,
}

/// A pooler on a port of 127.0.0.1 of its own, until it is dropped.
pub(crate) struct Pooler {
    port: u16,
    accepting: JoinHandle<()>,
}

struct Pool {
    mode: Mode,
    server: Config,
    port: u16,
    /// The one used last at the end.
    idle: Mutex<VecDeque<TcpStream>>,
}

impl Pooler {
    /// Before the server on this port, with so many idle backends.
    pub(crate) async fn start(server: Config, port: u16, mode: Mode, idle: usize) -> Result<Self> {
        let pool = Arc::new(Pool { mode, server, port, idle: Mutex::default() });
        let (first, greeting) = pool.open().await?;
        pool.give_back(first);
        for _ in 1..idle {
            let (next, _) = pool.open().await?;
            pool.give_back(next);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (pool, greeting) = (pool.clone(), greeting.clone());
                tokio::spawn(async move {
                    let _until_one_of_them_goes_away = pool.serve(client, &greeting).await;
                });
            }
        });
        Ok(Self { port, accepting })
    }

    /// What a client of the pooler connects to.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user("whoever").dbname("whatever");
        config
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Pool {
    /// A session with the server, and what a client is greeted with.
    async fn open(&self) -> Result<(TcpStream, Vec<u8>)> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?.into_std()?;
        // The driver logs in on one handle of the socket; the session goes on with the other.
        let login = TcpStream::from_std(stream.try_clone()?)?;
        let (_client, connection) = self.server.connect_raw(login, NoTls).await?;
        let mut greeting = message(b'R', &0_u32.to_be_bytes());
        for name in ["server_version", "in_hot_standby", "default_transaction_read_only"] {
            let value = connection.parameter(name).context(name)?;
            greeting.extend(message(b'S', format!("{name}\0{value}\0").as_bytes()));
        }
        // No process of Linux has this id.
        greeting.extend(message(b'K', &[0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]));
        greeting.extend(message(b'Z', b"I"));
        Ok((TcpStream::from_std(stream)?, greeting))
    }

    async fn take(&self) -> Result<TcpStream> {
        let idle = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            match self.mode {
                Mode::Transaction(Reuse::LongestIdle) => idle.pop_front(),
                _ => idle.pop_back(),
            }
        };
        match idle {
            Some(backend) => Ok(backend),
            None => Ok(self.open().await?.0),
        }
    }

    fn give_back(&self, backend: TcpStream) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push_back(backend);
    }

    /// Of what the client sends, each question is answered before the next one is read.
    async fn serve(&self, mut client: TcpStream, greeting: &[u8]) -> Result<()> {
        let length = client.read_u32().await?;
        client.read_exact(&mut vec![0; length as usize - 4]).await?;
        client.write_all(greeting).await?;
        let mut lent = None;
        loop {
            let asked = read(&mut client).await?;
            let mut backend = match lent.take() {
                Some(backend) => backend,
                None => self.take().await?,
            };
            backend.write_all(&asked).await?;
            // A query, or the end of an extended one; nothing else is answered at once.
            let is_question = matches!(asked[0], b'Q' | b'S');
            let idle = is_question && self.answer(&mut backend, &mut client).await?;
            if idle && self.mode != Mode::Session {
                self.give_back(backend);
            } else {
                lent = Some(backend);
            }
        }
    }

    /// Passes an answer on, and says whether no transaction is open after it.
    async fn answer(&self, backend: &mut TcpStream, client: &mut TcpStream) -> Result<bool> {
        loop {
            let answer = read(backend).await?;
            let (ready, idle) = (answer[0] == b'Z', answer.get(5) == Some(&b'I'));
            ensure!(!ready || idle || self.mode != Mode::Statement, "a transaction is open");
            client.write_all(&answer).await?;
            if ready {
                return Ok(idle);
            }
        }
    }
}

/// The next message: its tag, its length, its body.
async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>> {
    let (tag, length) = (from.read_u8().await?, from.read_u32().await?);
    let mut body = vec![0; length as usize - 4];
    from.read_exact(&mut body).await?;
    Ok(message(tag, &body))
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [&[tag], length.to_be_bytes().as_slice(), body].concat()
}
