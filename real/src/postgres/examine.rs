//! What there is to know of a branch before it may end.
//!
//! It costs a round trip of its own, before the `PREPARE` or `COMMIT`, and has to: afterwards
//! the server no longer tells which transaction it was, and a branch that wrote nothing must
//! not be prepared.

use indoubt::Lost;
use tokio_postgres::SimpleQueryRow;
use tokio_postgres::error::SqlState;

use super::branch::PostgresBranch;
use super::failure::{Failure, Refusal};
use super::sql;
use super::xact::{Backend, Evidence, Xact, history};

/// What a branch turned out to be.
pub(super) enum Finding {
    /// It has written, or locked rows.
    Wrote(Written),
    /// It has written nothing: it has no xid.
    ReadOnly,
    /// It cannot commit, for this reason.
    Unfit(String),
}

/// A branch that has something to commit.
pub(super) struct Written {
    pub(super) evidence: Evidence,
    /// The role that is in force now.
    pub(super) role: String,
    /// Whether a plain `COMMIT` would return before the disk has it.
    pub(super) asynchronous: bool,
}

/// Examines a branch to which neither `PREPARE` nor `COMMIT` was sent yet.
///
/// # Errors
/// The session is lost, and the branch with it.
pub(super) async fn examine(branch: &PostgresBranch) -> Result<Finding, Lost> {
    match branch.session.row(sql::EVIDENCE).await {
        Ok(row) => read(branch, &row),
        Err(Failure::Refused(refusal)) => Ok(Finding::Unfit(unfit(&refusal))),
        Err(Failure::Lost(lost)) => Err(lost),
    }
}

fn read(branch: &PostgresBranch, row: &SimpleQueryRow) -> Result<Finding, Lost> {
    if row.get(0) != Some(branch.gid.to_string().as_str()) {
        return Ok(Finding::Unfit(unmarked(row.get(8) == Some("t")).to_owned()));
    }
    if row.get(1).is_none() {
        return Ok(Finding::ReadOnly);
    }
    let written =
        written(row).ok_or_else(|| Lost::new("the server's own data could not be read"))?;
    Ok(Finding::Wrote(written))
}

/// Why the mark of the branch is gone. It is a setting of its transaction, so it goes with the
/// transaction, or with everything else that was set.
fn unmarked(in_a_block: bool) -> &'static str {
    if in_a_block {
        "the mark of this branch is gone from its transaction: it was cleared (RESET ALL, which \
         some pools and frameworks send, or RESET indoubt.branch), or the transaction was ended by \
         hand and another begun, and then what it did may be committed; send neither in a branch"
    } else {
        "the transaction that was begun for this branch is over: it was ended by hand, and what it \
         did may be committed; leave COMMIT, ROLLBACK and PREPARE TRANSACTION to the coordinator"
    }
}

fn written(row: &SimpleQueryRow) -> Option<Written> {
    let (system, timeline) = history(row, 4)?;
    let xact = Xact { xid: row.get(1)?.parse().ok()?, system, timeline };
    let evidence = Evidence { xact, backend: backend(row) };
    Some(Written { evidence, role: row.get(2)?.to_owned(), asynchronous: row.get(3)? == "off" })
}

fn backend(row: &SimpleQueryRow) -> Option<Backend> {
    let start = row.get(7)?;
    // It goes back into a statement.
    let is_number = start.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    Some(Backend { pid: row.get(6)?.parse().ok()?, start: is_number.then(|| start.to_owned())? })
}

fn unfit(refusal: &Refusal) -> String {
    if refusal.code == SqlState::IN_FAILED_SQL_TRANSACTION {
        format!(
            "a statement of the branch has failed, so it can only roll back; \
             use a savepoint around a statement that may fail: {refusal}"
        )
    } else {
        refusal.to_string()
    }
}
