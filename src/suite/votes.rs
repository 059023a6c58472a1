//! Votes, and what holds once they are given.

use super::trial::{Trial, ensure, ensure_ended};
use super::{Broken, Subject};
use crate::{Decision, OnePhase, OnePhaseVote, Participant, Vote};

/// What is prepared is in nobody's sight, and is committed by one word.
pub(super) async fn a_yes_can_be_committed<S: Subject>(trial: &Trial<'_, S>) -> Result<(), Broken> {
    let at = trial.subject.participant();
    let prepared = trial.prepared(&at, trial.gid()).await?;
    ensure(!trial.subject.has(prepared.key).await?, || "a prepared write is seen".to_owned())?;
    ensure_ended(at.finish(&prepared.branch, Decision::Commit).await?)?;
    ensure(trial.subject.has(prepared.key).await?, || "a committed write is not seen".to_owned())?;
    let listed = trial.is_listed(&at, &prepared.gid).await?;
    ensure(!listed, || "it is listed though it has committed".to_owned())
}

/// It leaves nothing, and holds nothing.
pub(super) async fn a_yes_can_be_rolled_back<S: Subject>(
    trial: &Trial<'_, S>,
) -> Result<(), Broken> {
    let at = trial.subject.participant();
    let prepared = trial.prepared(&at, trial.gid()).await?;
    ensure_ended(at.finish(&prepared.branch, Decision::Abort).await?)?;
    ensure(!trial.subject.has(prepared.key).await?, || "a write is there after all".to_owned())?;
    trial.is_free(&at, prepared.key).await?;
    let listed = trial.is_listed(&at, &prepared.gid).await?;
    ensure(!listed, || "it is listed though it has rolled back".to_owned())
}

/// A no needs no second phase; one that is sent all the same finds nothing to do.
pub(super) async fn a_no_has_ended_the_branch<S: Subject>(
    trial: &Trial<'_, S>,
) -> Result<(), Broken> {
    let (at, gid) = (trial.subject.participant(), trial.gid());
    let (branch, key) = trial.open(&at, &gid).await?;
    trial.subject.spoil(&branch, trial.key()).await?;
    let vote = at.prepare(&branch).await?;
    ensure(matches!(vote, Vote::No(_)), || format!("a spoilt branch voted {vote:?}"))?;
    ensure(!trial.is_listed(&at, &gid).await?, || "it is listed though it voted no".to_owned())?;
    trial.is_free(&trial.subject.participant(), key).await?;
    let ending = trial.again(async || at.finish(&branch, Decision::Abort).await).await?;
    ensure(ending.is_as_decided(), || format!("after its no it was told to have ended {ending:?}"))
}

/// A vote of read-only has ended the branch. To vote yes instead costs a second phase, and is allowed.
pub(super) async fn what_only_read_holds_nothing<S: Subject>(
    trial: &Trial<'_, S>,
) -> Result<(), Broken> {
    let (at, gid) = (trial.subject.participant(), trial.gid());
    let branch = at.begin(&gid).await?;
    match at.prepare(&branch).await? {
        Vote::ReadOnly => {
            let listed = trial.is_listed(&at, &gid).await?;
            ensure(!listed, || "it is listed though it only read".to_owned())
        }
        Vote::Yes(_) => ensure_ended(at.finish(&branch, Decision::Commit).await?),
        vote @ Vote::No(_) => Err(Broken::from(format!("a branch without work voted {vote:?}"))),
    }
}

/// It is committed and not prepared on the way, and can be asked about.
pub(super) async fn one_phase_commits<S: Subject>(trial: &Trial<'_, S>) -> Result<(), Broken> {
    let (at, gid) = (trial.subject.participant(), trial.gid());
    let (branch, key) = trial.open(&at, &gid).await?;
    let vote = at.commit_one_phase(&branch).await?;
    ensure(vote == OnePhaseVote::Committed, || format!("it voted {vote:?}"))?;
    ensure(trial.subject.has(key).await?, || "a committed write is not seen".to_owned())?;
    let end = trial.again(async || at.inquire(&branch).await).await?;
    ensure(end == OnePhase::Committed, || format!("it has committed, and is told to be {end:?}"))
}

/// What it refuses it has rolled back.
pub(super) async fn one_phase_refuses<S: Subject>(trial: &Trial<'_, S>) -> Result<(), Broken> {
    let (at, gid) = (trial.subject.participant(), trial.gid());
    let (branch, key) = trial.open(&at, &gid).await?;
    trial.subject.spoil(&branch, trial.key()).await?;
    let vote = at.commit_one_phase(&branch).await?;
    ensure(matches!(vote, OnePhaseVote::RolledBack(_)), || format!("a spoilt one: {vote:?}"))?;
    ensure(!trial.subject.has(key).await?, || "its write is there after all".to_owned())?;
    trial.is_free(&trial.subject.participant(), key).await?;
    let end = trial.again(async || at.inquire(&branch).await).await?;
    ensure(end != OnePhase::Committed, || "it is told to have committed".to_owned())
}
