//! What there is to know of a branch before it may end.
//!
//! It costs a round trip of its own, before the `PREPARE` or `COMMIT`, and has to: afterwards
//! the server no longer tells which transaction it was, and a branch that wrote nothing must
//! not be prepared.

use indoubt::Lost;
use tokio_postgres::SimpleQueryRow;

use super::branch::PostgresBranch;
use super::evidence::{Backend, Evidence, Xact};
use super::failure::Failure;
use super::xact::history;
use super::{refusal, sql};

/// What a branch turned out to be.
pub(super) enum Finding {
    /// It has written, or locked rows.
    Wrote(Written),
    /// It has written nothing: it has no xid.
    ReadOnly,
    /// It cannot commit, for this reason.
    Unfit(indoubt::Refusal),
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
        Err(Failure::Refused(refusal)) => {
            let failed_by = branch.session.tap().failed_by();
            Ok(Finding::Unfit(refusal::unfit(&refusal, failed_by)))
        }
        Err(Failure::Lost(lost)) => Err(lost),
    }
}

fn read(branch: &PostgresBranch, row: &SimpleQueryRow) -> Result<Finding, Lost> {
    if row.get(0) != Some(branch.gid.to_string().as_str()) {
        return Ok(Finding::Unfit(unmarked(row.get(8) == Some("t")).into()));
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
    // A server that does not say has one era, which is believed as it was before there were any.
    let era = Some(row.get(9).unwrap_or_default().to_owned());
    let xact = Xact { xid: row.get(1)?.parse().ok()?, system, timeline, era };
    let evidence = Evidence { xact, backend: Backend::read(row, 6) };
    Some(Written { evidence, role: row.get(2)?.to_owned(), asynchronous: row.get(3)? == "off" })
}
