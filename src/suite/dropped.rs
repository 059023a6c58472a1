//! What is dropped: branches, and calls at their first await.

use std::pin::pin;

use futures::FutureExt;

use super::trial::{Trial, ensure};
use super::{Broken, Subject};
use crate::{Decision, Participant};

/// A branch that nobody ends does not stay, and holds nothing.
pub(super) async fn a_dropped_branch_rolls_back<S: Subject>(
    trial: &Trial<'_, S>,
) -> Result<(), Broken> {
    let (at, gid) = (trial.subject.participant(), trial.gid());
    let (branch, key) = trial.open(&at, &gid).await?;
    drop(branch);
    trial.is_free(&trial.subject.participant(), key).await?;
    ensure(!trial.subject.has(key).await?, || "it has committed".to_owned())?;
    ensure(!trial.is_listed(&at, &gid).await?, || "it was prepared by being dropped".to_owned())
}

/// A prepare that nobody waits for any more may still arrive, or not. Once the branch was told to roll
/// back it is not prepared, and never will be.
pub(super) async fn a_late_prepare_is_fenced<S: Subject>(
    trial: &Trial<'_, S>,
) -> Result<(), Broken> {
    let (at, gid) = (trial.subject.participant(), trial.gid());
    let (branch, key) = trial.open(&at, &gid).await?;
    once(at.prepare(&branch));
    let ending = trial.again(async || at.finish(&branch, Decision::Abort).await).await?;
    ensure(ending.is_as_decided(), || format!("it ended {ending:?}"))?;
    for _ in 0..20 {
        ensure(!trial.is_listed(&at, &gid).await?, || "it is prepared after its end".to_owned())?;
        trial.subject.sleep(std::time::Duration::from_millis(10)).await;
    }
    trial.is_free(&at, key).await
}

/// A call that was dropped leaves its handle usable, and the same call can be made again.
pub(super) async fn calls_can_be_made_again<S: Subject>(
    trial: &Trial<'_, S>,
) -> Result<(), Broken> {
    let (at, owner) = (trial.subject.participant(), trial.subject.owner());
    once(at.begin(&trial.gid()));
    let prepared = trial.prepared(&at, trial.gid()).await?;
    once(at.in_doubt(&owner));
    ensure(trial.is_listed(&at, &prepared.gid).await?, || "it is not listed".to_owned())?;
    once(at.finish(&prepared.branch, Decision::Commit));
    once(at.resolve(&prepared.gid, Decision::Commit, &prepared.receipt));
    let ending = trial.resolve(&at, &prepared.gid, Decision::Commit, &prepared.receipt).await?;
    ensure(ending.is_as_decided(), || format!("told to commit three times, it ended {ending:?}"))?;
    ensure(trial.subject.has(prepared.key).await?, || "its write is not there".to_owned())
}

/// Makes a call, and drops it at its first await.
fn once<T>(call: impl Future<Output = T>) {
    let _dropped = pin!(call).now_or_never();
}
