//! The commit of a branch that is alone in its transaction.
//!
//! `COMMIT` has the trap of `PREPARE TRANSACTION`: in a failed transaction it rolls back and
//! succeeds. So here too the server's own record of the transaction decides, and the error
//! only explains.

use futures::future::join;
use indoubt::{Lost, OnePhase, OnePhaseVote, Refusal};

use super::branch::{PostgresBranch, Stage};
use super::busy::unless_busy;
use super::dial::Dialer;
use super::evidence::{Evidence, XactStatus};
use super::examine::{Finding, Written, examine};
use super::failure::Failure;
use super::fence::fence_idle;
use super::handle::Postgres;
use super::xact::status;
use super::{refusal, sql};

/// Commits a branch without preparing it.
pub(super) async fn commit_one_phase<D: Dialer>(
    postgres: &Postgres<D>,
    branch: &PostgresBranch,
) -> Result<OnePhaseVote, Lost> {
    if !matches!(branch.stage(), Stage::Open) {
        return Err(Lost::new("the branch has been asked to end before"));
    }
    let finding = match unless_busy(postgres, branch, examine(branch)).await {
        Ok(finding) => finding,
        Err(busy) => {
            branch.roll_back().await;
            return Ok(OnePhaseVote::RolledBack(refusal::busy(&busy)));
        }
    };
    match finding {
        Ok(Finding::Wrote(written)) => commit_written(branch, written).await,
        Ok(Finding::ReadOnly) => commit_read_only(branch).await,
        Ok(Finding::Unfit(refusal)) => {
            branch.roll_back().await;
            Ok(OnePhaseVote::RolledBack(refusal))
        }
        // No COMMIT was sent, so here alone a lost session is a definite answer.
        Err(lost) => {
            branch.end(Stage::RolledBack);
            let sentence = format!("the session was lost before the commit: {}", lost.reason());
            Ok(OnePhaseVote::RolledBack(refusal::lost_before(sentence)))
        }
    }
}

async fn commit_written(branch: &PostgresBranch, written: Written) -> Result<OnePhaseVote, Lost> {
    let Written { evidence, asynchronous, .. } = written;
    let xact = evidence.xact.clone();
    branch.enter(Stage::Committing(Some(evidence)));
    let statement = if asynchronous { sql::COMMIT_FLUSHED } else { sql::COMMIT };
    // Sent in this order, in one round trip: the second runs whatever becomes of the first.
    let (committed, status) =
        join(branch.session.run(statement), status(&branch.session, &xact)).await;
    match (committed, status) {
        (_, Ok(XactStatus::Committed)) => {
            branch.end(Stage::Committed);
            Ok(OnePhaseVote::Committed)
        }
        (committed, Ok(XactStatus::Aborted)) => {
            branch.end(Stage::RolledBack);
            Ok(OnePhaseVote::RolledBack(committed.err().map_or_else(silent, refusal::failed)))
        }
        (Err(Failure::Lost(lost)), _) | (_, Err(lost)) => Err(lost),
        (committed, Ok(status)) => {
            Err(Lost::new(format!("COMMIT gave {committed:?}, yet the transaction is {status:?}")))
        }
    }
}

async fn commit_read_only(branch: &PostgresBranch) -> Result<OnePhaseVote, Lost> {
    branch.enter(Stage::Committing(None));
    match branch.session.run(sql::COMMIT).await {
        Ok(()) => {
            branch.end(Stage::Committed);
            Ok(OnePhaseVote::Committed)
        }
        Err(Failure::Refused(refusal)) => {
            branch.end(Stage::RolledBack);
            Ok(OnePhaseVote::RolledBack(refusal::refused(&refusal)))
        }
        Err(Failure::Lost(lost)) => Err(lost),
    }
}

/// What a branch says of its own one-phase commit, if it can without asking the server.
pub(super) fn remembered(branch: &PostgresBranch) -> Result<OnePhase, Evidence> {
    match branch.stage() {
        Stage::Committed => Ok(OnePhase::Committed),
        Stage::RolledBack => Ok(OnePhase::RolledBack),
        // The answer may have been a serialization failure, so it cannot be called committed;
        // and it wrote nothing, so to call it rolled back contradicts nothing.
        Stage::Committing(None) => {
            branch.end(Stage::RolledBack);
            Ok(OnePhase::RolledBack)
        }
        Stage::Open => {
            branch.give_up();
            Ok(OnePhase::RolledBack)
        }
        Stage::Committing(Some(evidence))
        | Stage::Preparing(evidence)
        | Stage::Prepared(evidence) => Err(evidence),
    }
}

/// Asks the server how a one-phase commit ended, on a session other than the branch's.
///
/// A backend that still waits for the `COMMIT`, because it was lost on its way, would wait
/// until it notices that its client is gone, which can take hours: it is ended first.
pub(super) async fn inquire<D: Dialer>(
    postgres: &Postgres<D>,
    evidence: &Evidence,
) -> Result<OnePhase, Lost> {
    let mut now = ask(postgres, evidence).await?;
    if now == XactStatus::InProgress && evidence.backend.is_some() {
        fence_idle(postgres, evidence).await?;
        now = ask(postgres, evidence).await?;
    }
    Ok(match now {
        XactStatus::Committed => OnePhase::Committed,
        XactStatus::Aborted => OnePhase::RolledBack,
        XactStatus::InProgress => OnePhase::Unknown,
        XactStatus::Untold => OnePhase::Untold,
    })
}

async fn ask<D: Dialer>(postgres: &Postgres<D>, evidence: &Evidence) -> Result<XactStatus, Lost> {
    let control = postgres.control().await?;
    let now = status(control.session(), &evidence.xact).await;
    control.keep();
    now
}

fn silent() -> Refusal {
    "COMMIT succeeded without committing: the branch had failed or was ended while it was being \
     committed"
        .into()
}
