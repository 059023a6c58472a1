//! What participants are asked for a transaction, each call ending in an event.

use super::super::calls::answered;
use super::super::shared::Shared;
use super::super::transaction::Enlisted;
use super::event::{Detail, Event};
use crate::gid::Gid;
use crate::participant::{OnePhaseVote, Vote};
use crate::protocol::{Ballot, Decision, Input, OnePhase};

pub(super) async fn prepare(shared: &Shared, branch: &Enlisted) -> Event {
    let id = branch.id;
    match answered(&*shared.clock, shared.deadlines.prepare, branch.at.prepare()).await {
        Ok(Vote::Yes(receipt)) => (Input::Voted(id, Ballot::Yes), Detail::Receipt(id, receipt)),
        Ok(Vote::ReadOnly) => (Input::Voted(id, Ballot::ReadOnly), Detail::Nothing),
        Ok(Vote::No(refusal)) => (Input::Voted(id, Ballot::No), Detail::Refusal(id, refusal)),
        Err(lost) => (Input::VoteLost(id), Detail::Reason(id, lost.to_string())),
    }
}

pub(super) async fn commit_one_phase(shared: &Shared, branch: &Enlisted) -> Event {
    match answered(&*shared.clock, shared.deadlines.prepare, branch.at.commit_one_phase()).await {
        Ok(OnePhaseVote::Committed) => (Input::OnePhased(OnePhase::Committed), Detail::Nothing),
        Ok(OnePhaseVote::RolledBack(refusal)) => {
            (Input::OnePhased(OnePhase::RolledBack), Detail::Refusal(branch.id, refusal))
        }
        Err(lost) => {
            (Input::OnePhased(OnePhase::Unknown), Detail::Reason(branch.id, lost.to_string()))
        }
    }
}

pub(super) async fn inquire(shared: &Shared, branch: &Enlisted) -> Event {
    let end = answered(&*shared.clock, shared.deadlines.finish, branch.at.inquire()).await;
    (Input::OnePhased(end.unwrap_or(OnePhase::Unknown)), Detail::Nothing)
}

pub(super) async fn finish(
    shared: &Shared,
    gid: Gid,
    branch: &Enlisted,
    decision: Decision,
) -> Event {
    let id = branch.id;
    match answered(&*shared.clock, shared.deadlines.finish, branch.at.finish(decision)).await {
        Ok(ending) => {
            let heuristic =
                shared.alarms.ended(&gid.branch(id), &branch.participant, decision, ending);
            (
                Input::Finished(id, ending),
                heuristic.map_or(Detail::Nothing, |heuristic| Detail::Heuristic(id, heuristic)),
            )
        }
        Err(lost) => {
            tracing::warn!(participant = %branch.participant, ?decision, %lost, "left to recovery");
            (Input::FinishLost(id), Detail::Nothing)
        }
    }
}
