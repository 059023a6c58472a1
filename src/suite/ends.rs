//! Ends by gid: who may bring them about, and what is said of those that are there already.

use super::trial::{Trial, ensure, ensure_ended};
use super::{Broken, Subject};
use crate::{Decision, Ending, Participant, Receipt};

/// Whoever has the gid and the receipt can end a branch, when its process is gone.
pub(super) async fn a_gid_is_enough<S: Subject>(trial: &Trial<'_, S>) -> Result<(), Broken> {
    for decision in [Decision::Commit, Decision::Abort] {
        let at = trial.subject.participant();
        let prepared = trial.prepared(&at, trial.gid()).await?;
        drop((at, prepared.branch));
        let other = trial.subject.participant();
        let listed = trial.is_listed(&other, &prepared.gid).await?;
        ensure(listed, || "it is not listed after its process has gone".to_owned())?;
        let ending = trial.resolve(&other, &prepared.gid, decision, &prepared.receipt).await?;
        ensure_ended(ending)?;
        let (has, commits) = (trial.subject.has(prepared.key).await?, decision == Decision::Commit);
        ensure(has == commits, || format!("told to {decision:?}; its write is there: {has}"))?;
    }
    Ok(())
}

/// To end a branch again as it has ended changes nothing and is no error.
pub(super) async fn an_end_that_is_there_is_found<S: Subject>(
    trial: &Trial<'_, S>,
) -> Result<(), Broken> {
    for decision in [Decision::Commit, Decision::Abort] {
        let at = trial.subject.participant();
        let prepared = trial.prepared(&at, trial.gid()).await?;
        ensure_ended(at.finish(&prepared.branch, decision).await?)?;
        for handle in [at, trial.subject.participant()] {
            let ending = trial.resolve(&handle, &prepared.gid, decision, &prepared.receipt).await?;
            ensure(ending == Ending::Earlier, || {
                format!("told again to {decision:?}, it was said to have ended {ending:?}")
            })?;
        }
    }
    Ok(())
}

/// A branch that has ended the other way was not ended as decided, and nobody says so.
pub(super) async fn the_other_end_is_not_it<S: Subject>(
    trial: &Trial<'_, S>,
) -> Result<(), Broken> {
    let at = trial.subject.participant();
    let aborted = trial.prepared(&at, trial.gid()).await?;
    ensure_ended(at.finish(&aborted.branch, Decision::Abort).await?)?;
    let ending = trial.resolve(&at, &aborted.gid, Decision::Commit, &aborted.receipt).await?;
    ensure(matches!(ending, Ending::Heuristic | Ending::Untold), || {
        format!("it has rolled back, and a commit was said to have ended {ending:?}")
    })?;
    let committed = trial.prepared(&at, trial.gid()).await?;
    ensure_ended(at.finish(&committed.branch, Decision::Commit).await?)?;
    let ending = trial.resolve(&at, &committed.gid, Decision::Abort, &committed.receipt).await?;
    ensure(ending != Ending::AsDecided, || "it has committed, and was rolled back".to_owned())?;
    ensure(trial.subject.has(committed.key).await?, || "what has committed is gone".to_owned())
}

/// Of a gid that was never prepared an abort is presumed, and a commit never is.
pub(super) async fn an_unknown_gid<S: Subject>(trial: &Trial<'_, S>) -> Result<(), Broken> {
    let (at, none) = (trial.subject.participant(), Receipt::none());
    let ending = trial.resolve(&at, &trial.gid(), Decision::Abort, &none).await?;
    ensure(ending == Ending::Earlier, || format!("an abort was said to have ended {ending:?}"))?;
    let ending = trial.resolve(&at, &trial.gid(), Decision::Commit, &none).await?;
    ensure(ending == Ending::Untold, || format!("a commit was said to have ended {ending:?}"))
}
