//! The first phase: prepare, and whether that happened.
//!
//! The answer to `PREPARE TRANSACTION` proves nothing. In a failed transaction, and outside of
//! one, it rolls back and succeeds with the command tag `ROLLBACK`, which tokio-postgres drops;
//! an error can also be that of a session that ended just after the effect. So the vote comes
//! from the server's own record of the transaction, asked for in the same round trip: rolled
//! back is a no, in progress without a session is prepared, and everything else is lost.

use futures::future::join;
use indoubt::{Lost, Refusal, Vote};

use super::branch::{PostgresBranch, Stage};
use super::busy::unless_busy;
use super::dial::Dialer;
use super::evidence::{Evidence, XactStatus};
use super::examine::{Finding, Written, examine};
use super::failure::Failure;
use super::handle::Postgres;
use super::xact::status;
use super::{refusal, sql};

/// Asks a branch for its vote.
pub(super) async fn prepare<D: Dialer>(
    postgres: &Postgres<D>,
    branch: &PostgresBranch,
) -> Result<Vote, Lost> {
    if !matches!(branch.stage(), Stage::Open) {
        return Err(Lost::new("the branch has been asked to end before"));
    }
    // The role of the sessions that recovery would open.
    let login = postgres.inner.server.get().map_or("", |server| server.login.as_str());
    let finding = match unless_busy(postgres, branch, examine(branch)).await {
        Ok(finding) => finding?,
        Err(busy) => return vote_no(branch, refusal::busy(&busy)).await,
    };
    match finding {
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

async fn vote_no(branch: &PostgresBranch, refusal: impl Into<Refusal>) -> Result<Vote, Lost> {
    branch.roll_back().await;
    Ok(Vote::No(refusal.into()))
}

/// Commits what wrote nothing: a rollback would swallow a `NOTIFY`, and skip the check of a
/// serializable transaction's reads.
async fn vote_read_only(branch: &PostgresBranch) -> Result<Vote, Lost> {
    branch.enter(Stage::Committing(None));
    match branch.session.run(sql::COMMIT).await {
        Ok(()) => {
            branch.end(Stage::Committed);
            Ok(Vote::ReadOnly)
        }
        Err(Failure::Refused(refusal)) => {
            branch.end(Stage::RolledBack);
            Ok(Vote::No(refusal::unprepared(&refusal)))
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
            let xact = evidence.xact.flushed();
            branch.enter(Stage::Prepared(Evidence { xact, ..evidence }));
            Ok(Vote::Yes(receipt))
        }
        (prepared, Ok(XactStatus::Aborted)) => {
            branch.end(Stage::RolledBack);
            Ok(Vote::No(prepared.err().map_or_else(silent, refusal::failed)))
        }
        (prepared, Ok(status)) => Err(Lost::new(format!(
            "PREPARE TRANSACTION gave {prepared:?}, yet the transaction is {status:?}"
        ))),
    }
}

fn silent() -> Refusal {
    "PREPARE TRANSACTION succeeded without preparing: the branch had failed or was ended \
     while it was being committed"
        .into()
}
