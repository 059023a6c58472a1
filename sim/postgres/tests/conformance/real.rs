//! A real server, wherever it is to be had.

use std::time::Duration;

use anyhow::{Context as _, Result};
use indoubt_real::containers::Server;
use tokio::net::TcpStream;
use tokio_postgres::NoTls;

use crate::arm::Arm;
use crate::client::Stream;

/// A real server, for this arm alone.
pub(crate) struct Real {
    server: Server,
    version: String,
}

impl Real {
    /// A new cluster. It does nothing by itself, as the simulated one does not: no vacuum.
    pub(crate) async fn start(slots: usize) -> Result<Self> {
        let builder = Server::builder()
            .left_to_the_file("max_prepared_transactions")
            .setting("autovacuum", "off")
            // What is killed here is the server, never the machine.
            .setting("fsync", "off")
            .setting("wal_writer_delay", "10s");
        let mut real = Self { server: builder.start().await?, version: String::new() };
        real.version = real.one("SHOW server_version").await?;
        real.slots(slots).await?;
        real.crash().await?;
        Ok(real)
    }

    /// Of which major version it is.
    pub(crate) fn major(&self) -> &str {
        self.version.split('.').next().unwrap_or_default()
    }

    /// Runs a statement by itself, and gives what it returns first.
    async fn one(&self, sql: &str) -> Result<String> {
        let (client, connection) = self.server.config().connect(NoTls).await?;
        let connection = tokio::spawn(connection);
        let messages = client.simple_query(sql).await;
        connection.abort();
        let value = messages?.into_iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
            _ => None,
        });
        Ok(value.unwrap_or_default())
    }
}

impl Arm for Real {
    fn name(&self) -> String {
        format!("PostgreSQL {}, {}", self.version, self.server.source())
    }

    async fn dial(&self) -> Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(("127.0.0.1", self.server.port())).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }

    fn password(&self) -> Option<String> {
        self.server.config().get_password().map(|text| String::from_utf8_lossy(text).into_owned())
    }

    async fn crash(&mut self) -> Result<()> {
        self.server.kill().await?;
        self.server.restart().await.context("it does not start again")
    }

    async fn slots(&mut self, count: usize) -> Result<()> {
        self.one(&format!("ALTER SYSTEM SET max_prepared_transactions = {count}")).await.map(drop)
    }

    /// A standby that is not there keeps every commit waiting.
    async fn stall(&mut self, stuck: bool) -> Result<()> {
        let standby = if stuck { "nobody" } else { "" };
        self.one(&format!("ALTER SYSTEM SET synchronous_standby_names = '{standby}'")).await?;
        self.one("SELECT pg_reload_conf()").await?;
        // The checkpointer is who lets the others know.
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(())
    }
}
