//! The search for the server among the hosts of a configuration.
//!
//! An attempt is whole: connect, start up, and see that the server is one a participant can
//! use. Whatever fails before that, the next address is tried (PostgreSQL manual, "Specifying
//! Multiple Hosts"), except after a refused authentication: that ends the search there too, so
//! that a wrong password is not shown to every host.
//!
//! Two things differ from libpq. A standby is passed over even by `target_session_attrs=any`,
//! since a branch needs a primary and nothing else will do. And without a `connect_timeout` an
//! attempt among several has [`PATIENCE`]: libpq would wait for a silent host for ever, which
//! is longer than any branch waits to begin.
//!
//! Absent: a memory of where the server was found. Each session searches from the first host
//! on, as libpq does, so a dead host listed first costs every session its timeout.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use indoubt::BeginError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{Client, Config, Connection, NoTls, SimpleQueryMessage};

use super::advice;
use super::attempt::AttemptError;
use super::connection_string;
use super::dial::Dialer;
use super::sql;
use super::tap::{Tap, Tapped};

/// How long one of several attempts may take where `connect_timeout` does not say. Less than
/// half of what a coordinator gives a branch to begin, so that a second host has its turn.
const PATIENCE: Duration = Duration::from_secs(4);

/// A session that was opened, not yet driven by anyone.
pub(super) struct Opened<D: Dialer> {
    pub(super) client: Client,
    pub(super) connection: Connection<Tapped<D::Stream>, NoTlsStream>,
    pub(super) tap: Tap,
    /// Where the server was found.
    pub(super) address: D::Address,
}

/// No session could be opened: every place that was tried, and what happened there.
#[derive(Debug)]
pub(super) enum OpenError {
    /// Nothing was tried: the configuration asks for what there is not.
    Refused(String),
    /// No attempt succeeded.
    Failed(Vec<(String, AttemptError)>),
}

/// Searches for a server that can take part, and opens a session with it.
///
/// # Cancel safety
/// Dropping the future closes what was opened.
pub(super) async fn connect<D: Dialer>(
    dialer: &D,
    config: &Config,
) -> Result<Opened<D>, OpenError> {
    let refused = |reason: &dyn std::fmt::Display| {
        OpenError::Refused(format!("the configuration cannot be used: {reason}"))
    };
    connection_string::refuse(config).map_err(|reason| refused(&reason))?;
    let hosts = dialer.hosts().map_err(|error| refused(&error))?;
    let mut attempts = Vec::new();
    let several = hosts.len() > 1;
    for host in hosts {
        let limit = limit(config, several);
        let resolved = within(dialer, limit, dialer.resolve(&host)).await;
        let addresses = match resolved.and_then(|found| found.map_err(AttemptError::Resolve)) {
            Ok(addresses) => addresses,
            Err(error) => {
                attempts.push((host.to_string(), error));
                continue;
            }
        };
        let limit = self::limit(config, several || addresses.len() > 1);
        for address in addresses {
            let attempt = within(dialer, limit, attempt(dialer, config, &address)).await;
            let error = match attempt {
                Ok(Ok((client, connection, tap))) => {
                    return Ok(Opened { client, connection, tap, address });
                }
                Ok(Err(error)) | Err(error) => error,
            };
            let last = error.ends_the_search();
            attempts.push((address.to_string(), error));
            if last {
                return Err(OpenError::Failed(attempts));
            }
        }
    }
    Err(OpenError::Failed(attempts))
}

type Session<D> = (Client, Connection<Tapped<<D as Dialer>::Stream>, NoTlsStream>, Tap);

async fn attempt<D: Dialer>(
    dialer: &D,
    config: &Config,
    address: &D::Address,
) -> Result<Session<D>, AttemptError> {
    let stream = dialer.dial(address).await.map_err(AttemptError::Dial)?;
    let (stream, tap) = Tapped::new(stream);
    let (client, mut connection) =
        config.connect_raw(stream, NoTls).await.map_err(AttemptError::Startup)?;
    let (standby, read_only) = nature(&client, &mut connection).await?;
    if standby {
        return Err(AttemptError::Standby);
    }
    if read_only && config.get_target_session_attrs() == TargetSessionAttrs::ReadWrite {
        return Err(AttemptError::ReadOnly);
    }
    Ok((client, connection, tap))
}

/// Whether the server is a standby, and whether its transactions are read-only by default.
///
/// Every server that can take part reports both at start-up. A pooler before it may keep that
/// to itself; then it is asked.
async fn nature<S: AsyncRead + AsyncWrite + Unpin>(
    client: &Client,
    connection: &mut Connection<S, NoTlsStream>,
) -> Result<(bool, bool), AttemptError> {
    if let Some(reported) = reported(connection) {
        return Ok(reported);
    }
    let row = match select(connection, pin!(client.simple_query(sql::NATURE))).await {
        Either::Right((answer, _)) => {
            answer.map_err(AttemptError::Startup)?.into_iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            })
        }
        Either::Left((Err(error), _)) => return Err(AttemptError::Startup(error)),
        Either::Left((Ok(()), _)) => None,
    };
    let row = row.ok_or(AttemptError::Mute)?;
    Ok((row.get(0) == Some("t"), row.get(1) == Some("on")))
}

fn reported<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &Connection<S, NoTlsStream>,
) -> Option<(bool, bool)> {
    let on = |name| connection.parameter(name).map(|value| value == "on");
    Some((on("in_hot_standby")?, on("default_transaction_read_only")?))
}

fn limit(config: &Config, several: bool) -> Option<Duration> {
    config.get_connect_timeout().copied().or(several.then_some(PATIENCE))
}

async fn within<D: Dialer, T: Send>(
    dialer: &D,
    limit: Option<Duration>,
    future: impl Future<Output = T> + Send,
) -> Result<T, AttemptError> {
    let Some(limit) = limit else { return Ok(future.await) };
    match select(pin!(future), pin!(dialer.sleep(limit))).await {
        Either::Left((output, _)) => Ok(output),
        Either::Right(((), _)) => Err(AttemptError::Silent(limit)),
    }
}

/// All that was tried, each with what to do about it. The text is complete, and there is no
/// source: whoever prints a chain of errors should read each of them once.
impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let attempts = match self {
            Self::Refused(reason) => return f.write_str(reason),
            Self::Failed(attempts) => attempts,
        };
        if attempts.is_empty() {
            return f.write_str("no host of the configuration has an address");
        }
        for (i, (place, error)) in attempts.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}{place}: {}", error.text())?;
            if let Some(advice) = advice::on(error) {
                write!(f, ": {advice}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for OpenError {}

/// The error's text is complete, advice included, so it has no source: a chain of errors that
/// is printed should say everything once.
impl From<OpenError> for BeginError {
    fn from(error: OpenError) -> Self {
        let told = Self::new(error.to_string());
        if error.is_retryable() { told.retryable() } else { told }
    }
}

impl OpenError {
    /// Whether another search may well succeed, with nothing put right meanwhile: something that was
    /// tried may be back by then, and nothing refused who we are.
    fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Failed(attempts) => {
                let errors = || attempts.iter().map(|(_, error)| error);
                !errors().any(AttemptError::ends_the_search)
                    && errors().any(AttemptError::is_retryable)
            }
        }
    }
}
