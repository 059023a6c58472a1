//! A client on a machine of the run, as any program with tokio-postgres has one.

use futures::future::{AbortHandle, abortable};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::{Client, Config, Error, NoTls};

use crate::net::ByteStream;

/// A client over this stream, as this user, and what has to run for as long as it is used.
pub(crate) async fn connect(
    config: &Config,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<(Client, impl Future<Output = ()> + Send + 'static), Error> {
    let (client, connection) = config.connect_raw(stream, NoTls).await?;
    // Why it ended is in the errors of whoever uses the client.
    Ok((client, async move { drop(connection.await) }))
}

/// A client, and its connection's task, which ends with it.
pub(super) struct Session {
    pub(super) client: Client,
    connection: AbortHandle,
}

impl Session {
    /// Over this stream, as this user.
    pub(super) async fn open(config: &Config, stream: ByteStream) -> Result<Self, Error> {
        let (client, connection) = connect(config, stream).await?;
        let (connection, handle) = abortable(connection);
        madsim::task::spawn(connection);
        Ok(Self { client, connection: handle })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
