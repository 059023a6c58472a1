//! A database on a real server, with a proxy before it.

use std::fmt;
use std::sync::Arc;

use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, SimpleQueryRow};

use super::error::BenchError;
use super::sql_error::{NumberError, SqlError};
use crate::containers::{Proxy, Server};
use crate::postgres::Postgres;

/// A database of its own on a real Postgres server.
///
/// What is tested reaches it through its [proxy](Self::proxy), where connections can be cut; the
/// methods that look at it go straight to the server, as the superuser, and see what is committed.
///
/// A cheap handle: clones speak of the same database, server and proxy. With the last of them goes
/// the proxy, and the server if nobody else has it.
#[derive(Clone)]
pub struct Database {
    name: Arc<str>,
    server: Arc<Server>,
    proxy: Arc<Proxy>,
}

impl Database {
    /// Starts a server with the default settings, and creates the database there.
    ///
    /// # Errors
    /// [`BenchError`]; nothing is left running.
    pub async fn start(name: &str) -> Result<Self, BenchError> {
        Self::create(Arc::new(Server::start().await?), name).await
    }

    /// Creates the database on a server that is there, and that may hold others: what befalls the
    /// server befalls them all.
    ///
    /// # Errors
    /// [`BenchError::Sql`] among others when the server has a database of this name.
    pub async fn create(server: Arc<Server>, name: &str) -> Result<Self, BenchError> {
        let create = format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""));
        let admin = connect(&server.config()).await.map_err(SqlError::connecting(name))?;
        admin.batch_execute(&create).await.map_err(SqlError::of(name, &create))?;
        let proxy = Proxy::start(server.port()).await.map_err(BenchError::Proxy)?;
        Ok(Self { name: name.into(), server, proxy: Arc::new(proxy) })
    }

    /// Its name, which is its participant's too.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server, to be killed, restarted and frozen, or to have another database.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// What stands between a participant and the server, to be cut and healed.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// How to connect as the superuser, straight to the server.
    pub fn config(&self) -> Config {
        self.at(self.server.config())
    }

    /// The same through the proxy.
    pub fn config_through_proxy(&self) -> Config {
        self.at(self.server.config_through(&self.proxy))
    }

    fn at(&self, mut config: Config) -> Config {
        config.dbname(&*self.name);
        config
    }

    /// As [`config_through_proxy`](Self::config_through_proxy), as text: for a process of its own,
    /// by way of [`Postgres::from_connection_string`]. It has the password in it, which is good
    /// for this server only.
    pub fn connection_string(&self) -> String {
        let config = self.config();
        let password = String::from_utf8_lossy(config.get_password().unwrap_or_default());
        format!(
            "host=127.0.0.1 port={} user={} password={password} dbname='{}'",
            self.proxy.port(),
            config.get_user().unwrap_or_default(),
            self.name.replace('\\', "\\\\").replace('\'', "\\'"),
        )
    }

    /// A participant of this name, through the proxy. Each is a fresh handle, as a process that has
    /// just started has it.
    pub fn participant(&self) -> Postgres {
        Postgres::new(&*self.name, self.config_through_proxy())
    }

    /// A connection straight to the server, for what this has no method for. It ends with the
    /// client.
    ///
    /// # Errors
    /// [`SqlError`] when the server cannot be reached.
    pub async fn client(&self) -> Result<Client, SqlError> {
        connect(&self.config()).await.map_err(SqlError::connecting(&self.name))
    }

    /// Runs a script of statements, in no transaction of any coordinator.
    ///
    /// # Errors
    /// [`SqlError`]; the statements before the one that failed may have been done.
    pub async fn sql(&self, script: &str) -> Result<(), SqlError> {
        self.client().await?.batch_execute(script).await.map_err(SqlError::of(&self.name, script))
    }

    /// The integer that a query returns in the first column of its only row, as everybody sees it:
    /// a `count(*)`, a column of any integer type, a `sum` of one, a `numeric` without a fraction.
    ///
    /// # Errors
    /// [`NumberError::Sql`] when the query fails; [`NumberError::Otherwise`] when it returns anything
    /// else, a NULL or two rows among others, and says what.
    pub async fn number(&self, query: &str) -> Result<i64, NumberError> {
        let answer = self.client().await?.simple_query(query).await;
        let messages = answer.map_err(SqlError::of(&self.name, query))?;
        let rows: Vec<_> = messages
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            })
            .collect();
        integer(&rows).map_err(|came| NumberError::otherwise(&self.name, query, came))
    }

    /// The gids that are prepared in this database, whosever they are.
    ///
    /// # Errors
    /// [`SqlError`] when the server cannot be asked.
    pub async fn prepared(&self) -> Result<Vec<String>, SqlError> {
        let all =
            "SELECT gid FROM pg_prepared_xacts WHERE database = current_database() ORDER BY gid";
        let failed = SqlError::of(&self.name, all);
        let rows = self.client().await?.query(all, &[]).await.map_err(&failed)?;
        rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(failed)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, server) = (&self.name, &self.server);
        f.debug_struct("Database")
            .field("name", name)
            .field("server", server)
            .finish_non_exhaustive()
    }
}

/// The integer in the first column of the only row; else what there is instead.
fn integer(rows: &[&SimpleQueryRow]) -> Result<i64, String> {
    let row = match rows {
        [] => return Err("no row".to_owned()),
        [row] => row,
        _ => return Err(format!("{} rows", rows.len())),
    };
    if row.is_empty() {
        return Err("a row without a column".to_owned());
    }
    let text = row.get(0).ok_or("a NULL")?;
    text.parse().map_err(|_| format!("{text:?}"))
}

async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    // Ends with the client, and tells it what went wrong.
    tokio::spawn(connection);
    Ok(client)
}
