//! The first phase: prepare, and whether that happened.
//!
//! The answer to `PREPARE TRANSACTION` proves nothing. In a failed transaction, and outside of
//! one, it rolls back and succeeds with the command tag `ROLLBACK`, which tokio-postgres drops;
//! an error can also be that of a session that ended just after the effect. So the vote comes
//! from the server's own record of the transaction, asked for in the same round trip: rolled
//! back is a no, in progress without a session is prepared, and everything else is lost.

use futures::future::join;
use indoubt::{Lost, Vote};
use tokio_postgres::error::SqlState;

use super::branch::{PostgresBranch, Stage};
use super::examine::{Finding, Written, examine};
use super::failure::{Failure, Refusal};
use super::sql;
use super::xact::{Evidence, XactStatus, status};

/// Asks a branch for its vote. `login` is the role of the sessions that recovery would open.
pub(super) async fn prepare(branch: &PostgresBranch, login: &str) -> Result<Vote, Lost> {
    if !matches!(branch.stage(), Stage::Open) {
        return Err(Lost::new("the branch has been asked to end before"));
    }
    match examine(branch).await? {
        Finding::Unfit(reason) => vote_no(branch, reason).await,
        Finding::ReadOnly => vote_read_only(branch).await,
        Finding::Wrote(Written { role, .. }) if role != login => {
            let reason = format!(
                "the role {role} is in force, and a branch prepared under it could not be finished \
                 by {login}: RESET ROLE before the commit, or connect as {role}"
            );
            vote_no(branch, reason).await
        }
        Finding::Wrote(Written { evidence, .. }) if evidence.backend.is_none() => {
            let reason = format!(
                "the role {login} may not see its own sessions, so a prepare could not be fenced: \
                 connect as {login} instead of setting it"
            );
            vote_no(branch, reason).await
        }
        Finding::Wrote(Written { evidence, .. }) => prepare_written(branch, evidence).await,
    }
}

async fn vote_no(branch: &PostgresBranch, reason: String) -> Result<Vote, Lost> {
    branch.roll_back().await;
    Ok(Vote::No(reason.into()))
}

/// Commits what wrote nothing: a rollback would swallow a `NOTIFY`, and skip the check of a
/// serializable transaction's reads.
async fn vote_read_only(branch: &PostgresBranch) -> Result<Vote, Lost> {
    match branch.session.run(sql::COMMIT).await {
        Ok(()) => {
            branch.end(Stage::Committed);
            Ok(Vote::ReadOnly)
        }
        Err(Failure::Refused(refusal)) => {
            branch.end(Stage::RolledBack);
            Ok(Vote::No(refusal.to_string().into()))
        }
        Err(Failure::Lost(lost)) => Err(lost),
    }
}

async fn prepare_written(branch: &PostgresBranch, evidence: Evidence) -> Result<Vote, Lost> {
    let PostgresBranch { gid, session, .. } = branch;
    branch.enter(Stage::Preparing(evidence.clone()));
    // Sent in this order, in one round trip: the second runs whatever becomes of the first.
    let statement = sql::prepare(gid);
    let (prepared, status) = join(session.run(&statement), status(session, &evidence.xact)).await;
    match (prepared, status) {
        (Err(Failure::Lost(lost)), _) | (_, Err(lost)) => Err(lost),
        // Committed already: someone else was quick. A decision to abort will find that out.
        (Ok(()), Ok(XactStatus::InProgress | XactStatus::Committed)) => {
            let receipt = evidence.xact.receipt();
            branch.enter(Stage::Prepared(evidence));
            Ok(Vote::Yes(receipt))
        }
        (prepared, Ok(XactStatus::Aborted)) => {
            branch.end(Stage::RolledBack);
            Ok(Vote::No(prepared.err().map_or_else(silent, refused).into()))
        }
        (prepared, Ok(status)) => Err(Lost::new(format!(
            "PREPARE TRANSACTION gave {prepared:?}, yet the transaction is {status:?}"
        ))),
    }
}

fn silent() -> String {
    "PREPARE TRANSACTION succeeded without preparing: the branch had failed or was ended \
     while it was being committed"
        .to_owned()
}

fn refused(failure: Failure) -> String {
    match failure {
        Failure::Refused(refusal) => match advice(&refusal) {
            Some(advice) => format!("{refusal}: {advice}"),
            None => refusal.to_string(),
        },
        Failure::Lost(lost) => lost.to_string(),
    }
}

/// What to do about a prepare that is refused however often it is tried.
fn advice(refusal: &Refusal) -> Option<&'static str> {
    let code = &refusal.code;
    if *code == SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE {
        Some("set max_prepared_transactions above 0 and restart the server")
    } else if *code == SqlState::OUT_OF_MEMORY {
        // Two things run out under this code; the server's hint names the setting, in every
        // language.
        let text = refusal.to_string();
        if text.contains("max_prepared_transactions") {
            Some(
                "resolve what is left prepared (pg_prepared_xacts), or raise \
                 max_prepared_transactions",
            )
        } else if text.contains("max_locks_per_transaction") {
            Some(
                "the server's table of locks is full: lock fewer objects at a time, or raise \
                 max_locks_per_transaction and restart the server",
            )
        } else {
            None
        }
    } else if *code == SqlState::DUPLICATE_OBJECT {
        Some("the gid is taken; every coordinator needs an id of its own and keeps its log")
    } else if *code == SqlState::FEATURE_NOT_SUPPORTED {
        Some(
            "keep foreign tables (even to read), temporary tables, LISTEN, NOTIFY and cursors WITH HOLD out of branches: what they do cannot be prepared",
        )
    } else if *code == SqlState::T_R_SERIALIZATION_FAILURE
        || *code == SqlState::T_R_DEADLOCK_DETECTED
    {
        Some("try the whole transaction again")
    } else {
        None
    }
}
