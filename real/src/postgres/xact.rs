//! How a transaction ended, by the server's own record of it.

use indoubt::Lost;
use tokio_postgres::SimpleQueryRow;
use tokio_postgres::error::SqlState;

use super::evidence::{Xact, XactStatus};
use super::failure::Failure;
use super::session::Session;
use super::sql;

/// Asks the server how a transaction stands.
///
/// # Errors
/// The server could not be asked, or is a standby.
pub(super) async fn status(session: &Session, xact: &Xact) -> Result<XactStatus, Lost> {
    let row = match session.row(&sql::status(xact)).await {
        Ok(row) => row,
        // "transaction ID is in the future": this history has not come to that xid.
        Err(Failure::Refused(refusal)) if refusal.code == SqlState::INVALID_PARAMETER_VALUE => {
            return in_the_future(session, xact).await;
        }
        Err(failure) => return Err(failure.into_lost()),
    };
    if history(&row, 0) != Some((xact.system, xact.timeline)) {
        return Ok(XactStatus::Untold);
    }
    // What has happened to an xid of another era may have happened to a stranger that was given it after
    // a crash; if so, the transaction itself has rolled back, as all had that were not flushed.
    let is_ours = xact.era.as_deref().is_none_or(|era| row.get(3).unwrap_or_default() == era);
    match row.get(2) {
        Some("committed") if !is_ours => Ok(XactStatus::Untold),
        Some("in progress") => Ok(XactStatus::InProgress),
        Some("committed") => Ok(XactStatus::Committed),
        Some("aborted") => Ok(XactStatus::Aborted),
        None => Ok(XactStatus::Untold),
        Some(other) => {
            Err(Lost::new(format!("the server calls transaction {} {other:?}", xact.xid)))
        }
    }
}

/// How a transaction stands whose xid the server has not come to. In its own history it had come to it:
/// a crash has forgotten all of the transaction, of which nothing was flushed. Had something been, only
/// an older copy of the server could say so, and that does not know.
async fn in_the_future(session: &Session, xact: &Xact) -> Result<XactStatus, Lost> {
    let is_flushed = xact.era.is_none();
    if is_flushed {
        return Ok(XactStatus::Untold);
    }
    let row = session.row(sql::HISTORY).await.map_err(Failure::into_lost)?;
    let is_ours = history(&row, 0) == Some((xact.system, xact.timeline));
    Ok(if is_ours { XactStatus::Aborted } else { XactStatus::Untold })
}

/// Reads a system identifier and a timeline from two columns of a row.
pub(super) fn history(row: &SimpleQueryRow, column: usize) -> Option<(u64, u32)> {
    let system = row.get(column)?.parse().ok()?;
    let timeline = u32::from_str_radix(row.get(column + 1)?, 16).ok()?;
    Some((system, timeline))
}
