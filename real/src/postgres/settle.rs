//! The second phase: ending a prepared branch by its gid, and reading what "not there" means.

use indoubt::{BranchGid, Decision, Ending, Lost};
use tokio_postgres::error::SqlState;

use super::failure::{Failure, Refusal};
use super::session::Session;
use super::sql;
use super::xact::{Xact, XactStatus, status};

/// Ends a prepared branch as decided, or finds out how it has ended.
///
/// `COMMIT PREPARED` and `ROLLBACK PREPARED` flush the log before they return, even where
/// `synchronous_commit` is off.
///
/// # Cancel safety
/// The statement may execute after the future was dropped, even much later. Whoever comes
/// next finds the branch gone, and the evidence of how it ended.
pub(super) async fn settle(
    session: &Session,
    gid: &BranchGid,
    decision: Decision,
    xact: Option<&Xact>,
) -> Result<Ending, Lost> {
    match session.run(&sql::finish(gid, decision)).await {
        Ok(()) => Ok(Ending::AsDecided),
        Err(Failure::Refused(refusal)) if refusal.code == SqlState::UNDEFINED_OBJECT => {
            gone(session, decision, xact).await
        }
        Err(Failure::Refused(refusal)) => Err(Lost::new(open(&refusal))),
        Err(Failure::Lost(lost)) => Err(lost),
    }
}

/// No transaction is prepared under the gid: it has ended, somehow. Never taken for success
/// without evidence: an operator may have rolled it back.
async fn gone(session: &Session, decision: Decision, xact: Option<&Xact>) -> Result<Ending, Lost> {
    let status = match xact {
        Some(xact) => status(session, xact).await?,
        None => XactStatus::Untold,
    };
    match (decision, status) {
        (Decision::Commit, XactStatus::Committed)
        | (Decision::Abort, XactStatus::Aborted | XactStatus::Untold) => Ok(Ending::Earlier),
        (Decision::Commit, XactStatus::Aborted) | (Decision::Abort, XactStatus::Committed) => {
            Ok(Ending::Heuristic)
        }
        (Decision::Commit, XactStatus::Untold) => Ok(Ending::Untold),
        (_, XactStatus::InProgress) => {
            Err(Lost::new("the branch is not prepared and has not ended either"))
        }
    }
}

/// A refusal that leaves the branch as it is, with what to do about it.
fn open(refusal: &Refusal) -> String {
    let code = &refusal.code;
    let advice = if *code == SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE {
        "another session is at work on the branch"
    } else if *code == SqlState::FEATURE_NOT_SUPPORTED {
        "the branch is in another database of this cluster: let the participant connect to that one"
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        "the branch was prepared by another user: let the participant connect as that one, or as a superuser"
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        "this server is a standby: let the participant connect to the primary"
    } else {
        return refusal.to_string();
    };
    format!("{refusal}: {advice}")
}
