//! Invariants on what lasts, what is left behind, and what is reported.

use super::Facts;
use crate::history::{Told, VoteKind};

/// Once faults have healed for long enough everything is decided everywhere, within a bound,
/// also without a restart.
pub fn termination(facts: &Facts<'_>) -> Result<(), String> {
    if facts.quiesced {
        Ok(())
    } else {
        Err("the run did not come to rest within its bound".to_owned())
    }
}

/// Acknowledged effects survive any crash: every durable decision is found at
/// every later opening until it is forgotten, and every committed branch is still there at
/// the end.
pub fn durability(facts: &Facts<'_>) -> Result<(), String> {
    for (id, tx) in &facts.txs {
        let Some(decided) = tx.decided else { continue };
        for opening in &facts.openings {
            // A force that returned after a newer epoch was taken is held to the same: fenced, or found.
            let later = opening.at > decided || opening.epoch > id.epoch;
            let forgotten = tx.forgotten.is_some_and(|forgotten| forgotten < opening.at);
            if later && !forgotten && !opening.unfinished.contains(id) {
                return Err(format!(
                    "{id} was decided, and the opening of epoch {} did not find it",
                    opening.epoch
                ));
            }
        }
    }
    for (id, tx) in &facts.txs {
        for ending in tx.endings.iter().filter(|ending| ending.committed) {
            let marker = super::rows::marker(*id);
            if facts.quiesced && !facts.rows.contains_key(&(ending.p, marker)) {
                return Err(format!(
                    "{id} committed at participant-{}, and its marker is not there at the end",
                    ending.p
                ));
            }
        }
    }
    Ok(())
}

/// At quiescence: no prepared branch of ours, no lock held, no log entry unfinished. And where
/// nothing fails, no session is left for its participant to clear away.
pub fn no_orphans(facts: &Facts<'_>) -> Result<(), String> {
    let expired = facts.txs.iter().find_map(|(id, tx)| tx.expired.first().map(|p| (id, p)));
    if facts.calm
        && let Some((id, p)) = expired
    {
        return Err(format!("{id} left its session at participant-{p} behind until it expired"));
    }
    facts.leftovers.first().map_or(Ok(()), |event| Err(event.to_string()))
}

/// A coordinator finishes only its own branches; foreign gids are untouched.
pub fn ownership(facts: &Facts<'_>) -> Result<(), String> {
    facts.foreign.first().map_or(Ok(()), |event| Err(event.to_string()))
}

/// A decision is forgotten only after every participant has durably finished.
pub fn safe_forgetting(facts: &Facts<'_>) -> Result<(), String> {
    for (id, tx) in &facts.txs {
        let (Some(_), Some(forgotten)) = (tx.decided, tx.forgotten) else { continue };
        for p in &tx.enlisted {
            let yes = matches!(tx.votes.get(p), Some((_, VoteKind::Yes)));
            let ended = tx.endings.iter().any(|ending| ending.p == *p && ending.at < forgotten);
            if yes && !ended && !tx.operator.contains_key(p) {
                return Err(format!("{id} was forgotten before participant-{p} had finished"));
            }
        }
    }
    Ok(())
}

/// A resolution by someone else that contradicts D is reported, never swallowed.
///
/// And none is reported where nobody resolved anything: an alarm that cries wolf is switched off.
///
/// Of D = C only: under presumed abort nothing is remembered of an abort, so a branch that an
/// operator commits after its coordinator has forgotten it has nobody left to notice.
pub fn heuristics_reported(facts: &Facts<'_>) -> Result<(), String> {
    for (id, tx) in &facts.txs {
        if let Some(p) = tx.reported.keys().find(|p| !tx.operator.contains_key(p)) {
            return Err(format!(
                "a heuristic ending of {id} at participant-{p} was reported, and there was none"
            ));
        }
        // What was known when the client was answered is in the answer. A participant that is
        // pending in it may have told a successor's recovery.
        if let Some((at, pending, told)) = tx.answered
            && tx.answer == Some(Told::Committed)
            && let Some((p, _)) = tx
                .reported
                .iter()
                .find(|(p, when)| **when < at && !told.contains(p) && !pending.contains(p))
        {
            return Err(format!(
                "the client of {id} was not told of the heuristic ending at participant-{p}"
            ));
        }
        for (p, committed) in &tx.operator {
            if tx.decided.is_some() && !committed && facts.quiesced && !tx.reported.contains_key(p)
            {
                return Err(format!(
                    "an operator rolled {id} back at participant-{p}, and nobody was told"
                ));
            }
        }
    }
    Ok(())
}
