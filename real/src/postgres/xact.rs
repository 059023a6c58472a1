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
            return Ok(XactStatus::Untold);
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

/// Reads a system identifier and a timeline from two columns of a row.
pub(super) fn history(row: &SimpleQueryRow, column: usize) -> Option<(u64, u32)> {
    let system = row.get(column)?.parse().ok()?;
    let timeline = u32::from_str_radix(row.get(column + 1)?, 16).ok()?;
    Some((system, timeline))
}
