//! Lists of what is prepared: complete, and of whom they say.

use super::trial::{Trial, ensure, ensure_ended};
use super::{Broken, Subject};
use crate::{Decision, Participant};

/// Each that is prepared is listed, until it has ended and no longer, to any process.
pub(super) async fn all_of_ones_own_are_listed<S: Subject>(
    trial: &Trial<'_, S>,
) -> Result<(), Broken> {
    let (at, owner) = (trial.subject.participant(), trial.subject.owner());
    let before = trial.listed(&at, &owner).await?;
    ensure(before.is_empty(), || format!("left over from before: {before:?}"))?;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(trial.prepared(&at, trial.gid()).await?);
    }
    for handle in [&at, &trial.subject.participant()] {
        let listed = trial.listed(handle, &owner).await?;
        let missing = all.iter().find(|one| !listed.contains(&one.gid));
        ensure(missing.is_none() && listed.len() == all.len(), || {
            format!("of {} prepared branches it lists {listed:?}", all.len())
        })?;
    }
    for (one, left) in all.iter().zip((0..all.len()).rev()) {
        ensure_ended(at.finish(&one.branch, Decision::Abort).await?)?;
        let listed = trial.listed(&at, &owner).await?.len();
        ensure(listed == left, || format!("{left} are prepared, and {listed} are listed"))?;
    }
    Ok(())
}

/// The branches of a coordinator whose id merely begins alike are not one's own, and nothing that is
/// done for one ends the other's.
pub(super) async fn others_are_left_alone<S: Subject>(trial: &Trial<'_, S>) -> Result<(), Broken> {
    let (at, other) = (trial.subject.participant(), trial.other()?);
    let mine = trial.prepared(&at, trial.gid()).await?;
    let theirs = trial.prepared(&at, trial.gid_of(other.clone())).await?;
    ensure(trial.listed(&at, &trial.subject.owner()).await? == [mine.gid.clone()], || {
        "one's own list is not of one's own branch".to_owned()
    })?;
    ensure_ended(at.finish(&mine.branch, Decision::Commit).await?)?;
    let listed = trial.listed(&at, &other).await?;
    ensure(listed == [theirs.gid.clone()], || format!("of another's branch it lists {listed:?}"))?;
    ensure_ended(at.finish(&theirs.branch, Decision::Abort).await?)
}
