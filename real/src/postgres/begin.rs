//! Beginning a branch.
//!
//! A server that cannot prepare would only say so at the first commit, when the work is done;
//! so the first branch of a handle asks (`check`), and of a pooler before it too (`pooler`).

use std::time::Duration;

use futures::future::join;
use indoubt::{BeginError, BranchGid};
use tokio_postgres::Config;

use super::branch::PostgresBranch;
use super::check::{self, Server};
use super::dial::Dialer;
use super::evidence::Backend;
use super::failure::Failure;
use super::pooler;
use super::session::Session;
use super::sql;

/// Opens a session and begins a branch in it. With `known` the server is not asked again, nor the
/// pooler before it.
///
/// # Errors
/// What is wrong, and what to do about it.
///
/// # Cancel safety
/// Dropping the future closes the session, upon which the server rolls back.
pub(super) async fn begin<D: Dialer>(
    dialer: &D,
    config: &Config,
    gid: &BranchGid,
    known: Option<Server>,
    lock_timeout: Option<Duration>,
) -> Result<(PostgresBranch, Server), BeginError> {
    let session = Session::open(dialer, config).await?;
    // Two strings, not one: in one string the query would be the transaction's first.
    let statement = sql::begin(gid);
    let is_first = known.is_none();
    let examined = async {
        match known {
            Some(server) => Ok(server),
            None => check::check(&session).await,
        }
    };
    let arrive = sql::arrive(lock_timeout.map(milliseconds));
    let arrived = session.row(&arrive);
    let ((server, arrived), begun) = join(join(examined, arrived), session.run(&statement)).await;
    let server = server?;
    // Before the rest is looked at: a pooler may be what failed it.
    if is_first && server.pooled {
        pooler::check(dialer, config).await?;
    }
    let row = arrived.map_err(|failure| failed("the session could not be examined", failure))?;
    begun.map_err(|failure| failed("the transaction could not be begun", failure))?;
    Ok((PostgresBranch::new(gid.clone(), session, Backend::read(&row, 0)), server))
}

/// Asks whether the server will do, and what stands before it.
///
/// # Errors
/// What is wrong, and what to do about it.
///
/// # Cancel safety
/// Dropping the future closes what was opened.
pub(super) async fn check<D: Dialer>(dialer: &D, config: &Config) -> Result<Server, BeginError> {
    let server = check::check(&Session::open(dialer, config).await?).await?;
    if server.pooled {
        pooler::check(dialer, config).await?;
    }
    Ok(server)
}

/// At least one: to Postgres, none means no limit.
fn milliseconds(limit: Duration) -> i32 {
    i32::try_from(limit.as_millis()).unwrap_or(i32::MAX).max(1)
}

fn failed(what: &str, failure: Failure) -> BeginError {
    failure.into_begin_error(|why| format!("{what}: {why}"))
}
