//! Whether what stands before the server, if anything does, lets a session keep its backend.
//!
//! A branch needs one backend from its begin to its end: what is set for the session is there,
//! and the evidence names it. A pooler that pools by transaction or by statement lends a
//! session's backend to another as soon as no transaction is open.
//!
//! A pooler shows by the process id that it gave at start-up, which is not the one that answers
//! ([`Server::pooled`](super::check::Server)). Two sessions then tell how it pools. Not seen: a
//! pooler that passes the server's own key data on, and, in one look, one where others take and
//! return backends between our questions so that each of ours comes back to us.

use indoubt::BeginError;
use tokio_postgres::Config;

use super::dial::Dialer;
use super::failure::Failure;
use super::session::Session;
use super::sql;

const ADVICE: &str =
    "let the participant connect to the server itself, or to a pooler in session mode";

/// Asks whether a pooler that stands before the server pools by session.
///
/// One session asks for its backend while it has no transaction open, another has one
/// meanwhile. Where backends are lent, the other gets the first one's if that was used last, and
/// the first gets another at its second question if the longest idle is lent.
///
/// # Errors
/// It does not, or it could not be found out, and what to do about it.
///
/// # Cancel safety
/// Dropping the future closes both sessions, upon which what is open is rolled back.
pub(super) async fn check<D: Dialer>(dialer: &D, config: &Config) -> Result<(), BeginError> {
    let one = Session::open(dialer, config).await?;
    let other = Session::open(dialer, config).await?;
    let idle = sql::arrive(None);
    let first = backend(&one, &idle).await.map_err(unexamined)?;
    let second = backend(&one, &idle).await.map_err(unexamined)?;
    let others = backend(&other, sql::HOLD).await.map_err(not_held)?;
    let third = backend(&one, &idle).await.map_err(unexamined)?;
    // So that the pooler can use the backend again. If it fails, the session's end does it.
    let _ended_either_way = other.run(sql::ROLLBACK).await;
    if second == first && third == first && others != first {
        return Ok(());
    }
    Err(BeginError::new(format!(
        "a pooler before the server pools by transaction or by statement, but what a branch has \
         set, and its session up to the end of its prepared transaction, must stay on one \
         backend: {ADVICE}"
    )))
}

async fn backend(session: &Session, statement: &str) -> Result<String, Failure> {
    Ok(session.row(statement).await?.get(0).unwrap_or_default().to_owned())
}

fn unexamined(failure: Failure) -> BeginError {
    failure.into_begin_error(|why| {
        format!(
            "a pooler stands before the server, and how it pools could not be examined: {why}: \
             {ADVICE}"
        )
    })
}

fn not_held(failure: Failure) -> BeginError {
    BeginError::new(format!(
        "a pooler stands before the server, and a second session could not keep a transaction \
         open there, as if it pooled by statement or had no backend left: {}: {ADVICE}",
        failure.into_lost().reason()
    ))
}
