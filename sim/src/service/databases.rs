//! The databases of a service, as whoever is on a machine reaches them.

use std::fmt::Display;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::{Client, Error};

use crate::history::Place;
use crate::net::{ByteStream, Endpoint};
use crate::parts::Tasks;
use crate::postgres::{Silence, config, connect};
use crate::world::address;

/// The databases by name, from a machine that reaches them. Clones are of the same machine.
#[derive(Clone)]
pub struct Databases {
    names: Arc<[String]>,
    from: Arc<Endpoint<Silence>>,
    tasks: Tasks,
}

impl Databases {
    /// From this machine, in whose process connections run among these tasks.
    pub(super) const fn new(
        names: Arc<[String]>,
        from: Arc<Endpoint<Silence>>,
        tasks: Tasks,
    ) -> Self {
        Self { names, from, tasks }
    }

    /// An ordinary client of this database, over a byte stream of the simulated network. Its connection
    /// runs in this process, and ends with the client or with the process.
    ///
    /// It takes as long as the network has it take: for ever, while the way is cut or the server's
    /// machine is down. And as with TCP, nothing says that a server has lost its power to who only waits
    /// for its answer: bound what you wait for.
    ///
    /// # Errors
    /// Nothing listens there, the connection was reset, or the server refuses.
    ///
    /// # Panics
    /// If there is no such database.
    pub async fn connect(&self, database: &str) -> Result<Client, Error> {
        let server = address(Place::Participant(self.number(database)));
        let config = config(self.from.node());
        let stream = self.from.connect(server).await.map_err(|error| error.kind());
        let (client, connection) = connect(&config, Way(stream)).await?;
        self.tasks.spawn(connection);
        Ok(client)
    }

    /// The participant that has this database.
    ///
    /// # Panics
    /// If there is no such database.
    pub(super) fn number(&self, database: &str) -> u8 {
        let number = self.names.iter().position(|name| name == database);
        let number = number.unwrap_or_else(|| {
            panic!("there is no database {database:?}: there is {}", listed(&self.names))
        });
        u8::try_from(number).expect("no more databases than participants can be")
    }
}

/// Names as people list them.
fn listed(names: &[impl Display]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    names.join(", ")
}

/// A stream; or why there is none, which whoever uses it learns: only tokio-postgres makes its errors.
struct Way(Result<ByteStream, io::ErrorKind>);

impl Way {
    fn with<T>(
        self: Pin<&mut Self>,
        does: impl FnOnce(Pin<&mut ByteStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match &mut self.get_mut().0 {
            Ok(stream) => does(Pin::new(stream)),
            Err(kind) => Poll::Ready(Err((*kind).into())),
        }
    }
}

impl AsyncRead for Way {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_read(cx, into))
    }
}

impl AsyncWrite for Way {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(cx))
    }
}
