//! Beginning a branch, and what must hold of the server for that.
//!
//! A server that cannot prepare would only say so at the first commit, when the work is done;
//! so the first branch of a handle asks.

use futures::future::join;
use indoubt::{BeginError, BranchGid, Lost};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, SimpleQueryRow};

use super::branch::PostgresBranch;
use super::dial::Dialer;
use super::failure::Failure;
use super::session::{OpenError, Session};
use super::sql;

/// The oldest server that has all that is needed: `pg_terminate_backend` that waits.
const OLDEST_VERSION: u32 = 140_000;

/// What was learned of a server that will do.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// The role that a new session has, and that therefore has to own what is prepared.
    pub(super) login: String,
}

/// Opens a session and begins a branch in it. With `known` the server is not asked again.
///
/// # Cancel safety
/// Dropping the future closes the session, upon which the server rolls back.
pub(super) async fn begin<D: Dialer>(
    dialer: &D,
    config: &Config,
    gid: &BranchGid,
    known: Option<Server>,
) -> Result<(PostgresBranch, Server), BeginError> {
    let session = open(dialer, config).await?;
    // Two strings, not one: in one string the query would be the transaction's first.
    let statement = sql::begin(gid);
    let examined = async {
        match known {
            Some(server) => Ok(server),
            None => examine(&session).await,
        }
    };
    let (server, begun) = join(examined, session.run(&statement)).await;
    let server = server?;
    begun.map_err(|failure| failed("the transaction could not be begun", failure))?;
    Ok((PostgresBranch::new(gid.clone(), session), server))
}

/// Asks whether the server will do.
pub(super) async fn check<D: Dialer>(dialer: &D, config: &Config) -> Result<Server, BeginError> {
    examine(&open(dialer, config).await?).await
}

async fn open<D: Dialer>(dialer: &D, config: &Config) -> Result<Session, BeginError> {
    Session::open(dialer, config).await.map_err(|error| match advice(&error) {
        Some(advice) => BeginError::because(format!("{error}: {advice}"), error),
        None => BeginError::because(error.to_string(), error),
    })
}

async fn examine(session: &Session) -> Result<Server, BeginError> {
    let row = session.row(sql::CHECK).await;
    let row = row.map_err(|failure| failed("the server could not be examined", failure))?;
    judge(&row)
}

fn judge(row: &SimpleQueryRow) -> Result<Server, BeginError> {
    let number = |column| row.get(column).and_then(|text: &str| text.parse::<u32>().ok());
    let version = number(0).unwrap_or(0);
    if version < OLDEST_VERSION {
        return Err(BeginError::new(format!(
            "the server is of version {}.{}: upgrade it to PostgreSQL {} or newer",
            version / 10_000,
            version % 10_000,
            OLDEST_VERSION / 10_000
        )));
    }
    if row.get(2) != Some("f") {
        return Err(BeginError::new(
            "the server is a standby: let the participant connect to the primary",
        ));
    }
    if number(1).unwrap_or(0) == 0 {
        return Err(BeginError::new(
            "the server cannot prepare transactions: set max_prepared_transactions to at least \
             max_connections (its default is 0) and restart the server",
        ));
    }
    Ok(Server { login: row.get(3).unwrap_or_default().to_owned() })
}

fn failed(what: &str, failure: Failure) -> BeginError {
    let lost: Lost = failure.into_lost();
    BeginError::because(format!("{what}: {}", lost.reason()), lost)
}

fn advice(error: &OpenError) -> Option<&'static str> {
    let code = match error {
        OpenError::Dial(_) => {
            return Some("see that the server runs and can be reached at this address");
        }
        OpenError::Startup(error) => error.code()?,
    };
    if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
    {
        Some("check the user and the password, and the server's pg_hba.conf")
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        Some("create the database, or correct its name")
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        Some(
            "raise max_connections, or run fewer transactions at a time: each holds a session for each branch",
        )
    } else if *code == SqlState::CANNOT_CONNECT_NOW {
        Some("the server is starting or stopping; try again")
    } else {
        None
    }
}
