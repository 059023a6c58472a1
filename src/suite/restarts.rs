//! What survives the loss of the participant's power, and what must not.

use super::trial::{Trial, ensure, ensure_ended};
use super::{Broken, Subject};
use crate::{Decision, Ending, Participant};

const NONE_TO_LOSE: Broken = Broken::LeftOut("for the subject cannot be restarted");

/// A yes is for ever, and so are its locks.
pub(super) async fn what_is_prepared_survives<S: Subject>(
    trial: &Trial<'_, S>,
) -> Result<(), Broken> {
    let at = trial.subject.participant();
    let commit = trial.prepared(&at, trial.gid()).await?;
    let abort = trial.prepared(&at, trial.gid()).await?;
    if !trial.subject.restart().await? {
        for one in [commit, abort] {
            ensure_ended(at.finish(&one.branch, Decision::Abort).await?)?;
        }
        return Err(NONE_TO_LOSE);
    }
    let other = trial.subject.participant();
    for (one, decision) in [(&commit, Decision::Commit), (&abort, Decision::Abort)] {
        let listed = trial.is_listed(&other, &one.gid).await?;
        ensure(listed, || "it is not listed after a restart".to_owned())?;
        ensure(!trial.subject.has(one.key).await?, || "it has committed by itself".to_owned())?;
        let ending = trial.resolve(&other, &one.gid, decision, &one.receipt).await?;
        ensure_ended(ending)?;
        let (has, commits) = (trial.subject.has(one.key).await?, decision == Decision::Commit);
        ensure(has == commits, || format!("told to {decision:?}; its write is there: {has}"))?;
    }
    // The process that began it can ask, too, though its session is gone.
    let ending = trial.again(async || at.finish(&commit.branch, Decision::Commit).await).await?;
    ensure(ending.is_as_decided(), || format!("whoever began it was told {ending:?}"))
}

/// An end is for ever, as soon as somebody was told of it.
pub(super) async fn what_has_ended_survives<S: Subject>(
    trial: &Trial<'_, S>,
) -> Result<(), Broken> {
    let at = trial.subject.participant();
    let prepared = trial.prepared(&at, trial.gid()).await?;
    ensure_ended(at.finish(&prepared.branch, Decision::Commit).await?)?;
    let (alone, key) = trial.open(&at, &trial.gid()).await?;
    at.commit_one_phase(&alone).await?;
    if !trial.subject.restart().await? {
        return Err(NONE_TO_LOSE);
    }
    for key in [prepared.key, key] {
        let has = trial.subject.has(key).await?;
        ensure(has, || "what had committed is gone after a restart".to_owned())?;
    }
    let (gid, receipt) = (&prepared.gid, &prepared.receipt);
    let ending =
        trial.resolve(&trial.subject.participant(), gid, Decision::Commit, receipt).await?;
    ensure(matches!(ending, Ending::Earlier | Ending::Untold), || {
        format!("it had committed, and after a restart it ended {ending:?}")
    })
}

/// What was not prepared is gone with the power, and holds nothing.
pub(super) async fn what_is_not_prepared<S: Subject>(trial: &Trial<'_, S>) -> Result<(), Broken> {
    let (at, gid) = (trial.subject.participant(), trial.gid());
    let (_branch, key) = trial.open(&at, &gid).await?;
    if !trial.subject.restart().await? {
        return Err(NONE_TO_LOSE);
    }
    let other = trial.subject.participant();
    trial.is_free(&other, key).await?;
    ensure(!trial.subject.has(key).await?, || "it has committed by itself".to_owned())?;
    ensure(!trial.is_listed(&other, &gid).await?, || "it is prepared".to_owned())
}
