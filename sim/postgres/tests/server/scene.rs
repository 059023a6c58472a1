//! What a test starts from: a server over a disk and a clock in memory, and the real client.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use indoubt_real::postgres::Dialer;
use indoubt_sim_postgres::{Effect, Observer, OpenError, Options, Server};
use tokio::io::DuplexStream;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use crate::host::{Disk, Time};

/// Runs a test on one thread, in time that passes only when nothing else happens.
pub(crate) fn run<F: Future<Output = Result<()>>>(test: F) -> Result<()> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build()?.block_on(test)
}

/// What an observer was told.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<Effect>>>);

impl Told {
    pub(crate) fn all(&self) -> Vec<Effect> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Observer for Told {
    fn effect(&self, effect: &Effect) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(effect.clone());
    }
}

/// A server with a database that has a table `t (id int primary key)`.
pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) options: Options,
    pub(crate) disk: Disk,
    pub(crate) time: Time,
    pub(crate) told: Told,
}

impl Scene {
    pub(crate) async fn new() -> Result<Self> {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Result<Self> {
        let (disk, told, time) = (Disk::default(), Told::default(), Time(Instant::now()));
        let server = Server::open(options.clone(), disk.clone(), time, told.clone()).await?;
        let scene = Self { server, options, disk, time, told };
        if scene.options.roles.iter().any(|role| role.name == "postgres") {
            scene.sql("CREATE TABLE t (id int PRIMARY KEY, n int)").await?;
        }
        Ok(scene)
    }

    /// The machine loses power and starts again.
    pub(crate) async fn restart(&mut self) -> Result<(), OpenError> {
        self.reopen(self.options.clone()).await
    }

    pub(crate) async fn reopen(&mut self, options: Options) -> Result<(), OpenError> {
        self.server.shut_down(indoubt_sim_postgres::Shutdown::Immediate);
        let opened = Server::open(options, self.disk.clone(), self.time, self.told.clone());
        self.server = opened.await?;
        Ok(())
    }

    pub(crate) fn config() -> Config {
        let mut config = Config::new();
        config.user("postgres").dbname("postgres").password("x");
        config
    }

    pub(crate) fn dialer(&self) -> MemoryDialer {
        MemoryDialer { server: self.server.clone() }
    }

    pub(crate) fn stream(&self) -> DuplexStream {
        dial(&self.server)
    }

    pub(crate) async fn client(&self) -> Result<Client, tokio_postgres::Error> {
        self.connect(&Self::config()).await
    }

    pub(crate) async fn connect(&self, config: &Config) -> Result<Client, tokio_postgres::Error> {
        self.connect_task(config).await.map(|(client, _)| client)
    }

    /// Also the task, whose end is the end of the client's side.
    pub(crate) async fn connect_task(
        &self,
        config: &Config,
    ) -> Result<(Client, JoinHandle<Result<(), tokio_postgres::Error>>), tokio_postgres::Error>
    {
        let (client, connection) = config.connect_raw(self.stream(), NoTls).await?;
        Ok((client, tokio::spawn(connection)))
    }

    pub(crate) async fn sql(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.client().await?.batch_execute(sql).await
    }

    /// The first column of the first row, by the simple protocol.
    pub(crate) async fn one(&self, sql: &str) -> Result<String> {
        let client = self.client().await?;
        text(&client, sql).await
    }

    pub(crate) async fn gids(&self) -> Result<Vec<String>> {
        let client = self.client().await?;
        let rows = client.query("SELECT gid FROM pg_prepared_xacts ORDER BY gid", &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

/// The first column of the first row; nothing is the empty string.
pub(crate) async fn text(client: &Client, sql: &str) -> Result<String> {
    for message in client.simple_query(sql).await? {
        if let SimpleQueryMessage::Row(row) = message {
            return Ok(row.get(0).unwrap_or("NULL").to_owned());
        }
    }
    Ok(String::new())
}

pub(crate) fn code<T>(result: Result<T, tokio_postgres::Error>) -> String {
    match result {
        Ok(_) => "no error".to_owned(),
        Err(error) => match error.code() {
            Some(code) => code.code().to_owned(),
            None => format!("{error:?}"),
        },
    }
}

fn dial(server: &Server) -> DuplexStream {
    let (near, far) = tokio::io::duplex(64 * 1024);
    tokio::spawn(server.serve(far));
    near
}

/// How the real adapter reaches the server.
#[derive(Clone)]
pub(crate) struct MemoryDialer {
    server: Server,
}

/// Aborts its task.
pub(crate) struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Dialer for MemoryDialer {
    type Host = &'static str;
    type Address = &'static str;
    type Stream = DuplexStream;
    type Task = Task;

    fn hosts(&self) -> io::Result<Vec<Self::Host>> {
        Ok(vec!["memory"])
    }

    async fn resolve(&self, host: &Self::Host) -> io::Result<Vec<Self::Address>> {
        Ok(vec![host])
    }

    async fn dial(&self, _: &Self::Address) -> io::Result<Self::Stream> {
        Ok(dial(&self.server))
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Self::Task {
        Task(tokio::spawn(task).abort_handle())
    }
}
