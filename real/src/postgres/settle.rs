//! The second phase: ending a branch, by its session or by its gid, and reading what "not there"
//! means.

use indoubt::{BranchGid, Decision, Ending, Lost};
use tokio_postgres::error::SqlState;

use super::branch::{PostgresBranch, Stage};
use super::dial::Dialer;
use super::evidence::{Evidence, Xact, XactStatus};
use super::failure::{Failure, Refusal};
use super::fence::fence;
use super::handle::Postgres;
use super::session::Session;
use super::sql;
use super::xact::status;

/// Ends a branch that this process began, in whatever state it is.
pub(super) async fn finish<D: Dialer>(
    postgres: &Postgres<D>,
    branch: &PostgresBranch,
    decision: Decision,
) -> Result<Ending, Lost> {
    match branch.stage() {
        Stage::Open => match decision {
            Decision::Abort => {
                branch.roll_back().await;
                Ok(Ending::AsDecided)
            }
            Decision::Commit => Err(Lost::new("the branch was never prepared")),
        },
        Stage::Preparing(evidence) => unheard(postgres, branch, &evidence, decision).await,
        Stage::Prepared(evidence) => prepared(postgres, branch, &evidence, decision).await,
        // It wrote nothing, and its answer was lost: there is nothing to take back.
        Stage::Committing(None) if decision == Decision::Abort => {
            branch.end(Stage::RolledBack);
            Ok(Ending::AsDecided)
        }
        Stage::Committing(_) => Err(Lost::new("the branch is committing in one phase")),
        Stage::Committed => Ok(told(decision, Decision::Commit)),
        Stage::RolledBack => Ok(told(decision, Decision::Abort)),
    }
}

/// Ends a branch whose answer to its prepare did not come. It may still be on its way to
/// being prepared, so its backend is ended first.
async fn unheard<D: Dialer>(
    postgres: &Postgres<D>,
    branch: &PostgresBranch,
    evidence: &Evidence,
    decision: Decision,
) -> Result<Ending, Lost> {
    fence(postgres, evidence).await?;
    let ending = by_gid(postgres, &branch.gid, decision, Some(&evidence.xact)).await;
    if ending.is_ok() {
        branch.session.close();
    }
    ending
}

/// Ends a prepared branch on its own session, and on another if that one is lost.
async fn prepared<D: Dialer>(
    postgres: &Postgres<D>,
    branch: &PostgresBranch,
    evidence: &Evidence,
    decision: Decision,
) -> Result<Ending, Lost> {
    let own = settle(&branch.session, &branch.gid, decision, Some(&evidence.xact)).await;
    let ending = match own {
        Err(lost) => {
            tracing::debug!(gid = %branch.gid, %lost, "on another session, then");
            by_gid(postgres, &branch.gid, decision, Some(&evidence.xact)).await
        }
        answered => answered,
    };
    if ending.is_ok() {
        branch.session.close();
    }
    ending
}

/// How a branch ended, to someone who is told this decision.
fn told(decision: Decision, happened: Decision) -> Ending {
    if decision == happened { Ending::Earlier } else { Ending::Heuristic }
}

/// Ends a prepared branch by its gid, on a session that is not its own.
pub(super) async fn by_gid<D: Dialer>(
    postgres: &Postgres<D>,
    gid: &BranchGid,
    decision: Decision,
    xact: Option<&Xact>,
) -> Result<Ending, Lost> {
    let control = postgres.control().await?;
    let ending = settle(control.session(), gid, decision, xact).await;
    control.keep();
    ending
}

/// Ends a prepared branch as decided, or finds out how it has ended.
///
/// `COMMIT PREPARED` and `ROLLBACK PREPARED` flush the log before they return, even where
/// `synchronous_commit` is off.
///
/// # Cancel safety
/// The statement may execute after the future was dropped, even much later. Whoever comes
/// next finds the branch gone, and the evidence of how it ended.
async fn settle(
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
