//! A client on a machine of the run, as any program with tokio-postgres has one.

use futures::future::{AbortHandle, abortable};
use tokio_postgres::{Client, Config, Error, NoTls};

use crate::net::ByteStream;

/// A client, and its connection's task, which ends with it.
pub(super) struct Session {
    pub(super) client: Client,
    connection: AbortHandle,
}

impl Session {
    /// Over this stream, as this user.
    pub(super) async fn open(config: &Config, stream: ByteStream) -> Result<Self, Error> {
        let (client, connection) = config.connect_raw(stream, NoTls).await?;
        let (connection, handle) = abortable(connection);
        madsim::task::spawn(async move { drop(connection.await) });
        Ok(Self { client, connection: handle })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
