//! Invariants of a whole run: on what lasts, what is left behind, and what comes twice.
//!
//! They need more than what is known of one transaction at one moment, and so have no
//! counterpart that the explorer could ask.

use super::Facts;
use super::conservation::conservation;
use super::invariant::Invariant;
use super::known::each;
use crate::history::Place;
use crate::history::rows::marker;

/// An invariant of a run: `Err` says what broke it.
pub type Holds = fn(&Facts<'_>) -> Result<(), String>;

/// Every invariant of a run.
pub const ALL: &[(Invariant, Holds)] = &[
    (Invariant::Termination, termination),
    (Invariant::Durability, durability),
    (Invariant::NoOrphans, no_orphans),
    (Invariant::Ownership, ownership),
    (Invariant::Idempotence, idempotence),
    (Invariant::Conservation, conservation),
];

/// Once faults have healed for long enough everything is decided everywhere, within a bound,
/// also without a restart.
pub fn termination(facts: &Facts<'_>) -> Result<(), String> {
    if facts.quiesced {
        Ok(())
    } else {
        Err(format!("the run did not come to rest within its bound: {}", unfinished(facts)))
    }
}

/// What is still at work, as far as the history tells: a few of each kind.
fn unfinished(facts: &Facts<'_>) -> String {
    let prepared = facts.txs.iter().flat_map(|(id, tx)| {
        let at = each(tx.known.prepared()).map(Place::Participant);
        at.map(move |place| format!("{id} is prepared at {place}"))
    });
    let owed = facts.txs.iter().filter(|(_, tx)| tx.known.left.owed);
    let owed = owed.map(|(id, _)| format!("the log owes {id}"));
    let unanswered = facts.txs.iter().filter(|(_, tx)| tx.known.left.unanswered);
    let unanswered = unanswered.map(|(id, _)| format!("the client of {id} waits"));
    let locked = facts.locked.iter().map(ToString::to_string);
    let service = facts.service;
    let service = service.map(|said| match said {
        "" => "the service has not returned".to_owned(),
        line => format!("the service has not returned, and said last: {line}"),
    });
    let all: Vec<_> =
        service.into_iter().chain(prepared).chain(owed).chain(unanswered).chain(locked).collect();
    match all.len() {
        0 => "no transaction is open; a participant holds something, or clients are at work".into(),
        1..=6 => all.join(", "),
        more => format!("{}, and {} more", all[..5].join(", "), more - 5),
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
    if let Some(undone) = &facts.undone {
        return Err(undone.clone());
    }
    if !facts.marked {
        return Ok(());
    }
    for (id, tx) in &facts.txs {
        let there = |p: &u8| facts.rows.contains_key(&(*p, marker(*id)));
        if facts.quiesced
            && let Some(p) = each(tx.known.outcomes.commits()).find(|p| !there(p))
        {
            return Err(format!(
                "{id} committed at participant-{p}, and its marker is not there at the end"
            ));
        }
    }
    Ok(())
}

/// At quiescence no lock is held. And where nothing fails, no session is left for its
/// participant to clear away. The rest is a claim on each transaction.
pub fn no_orphans(facts: &Facts<'_>) -> Result<(), String> {
    let mut expired = facts.txs.iter().flat_map(|(id, tx)| each(tx.expired).map(move |p| (id, p)));
    if facts.calm
        && let Some((id, p)) = expired.next()
    {
        return Err(format!("{id} left its session at participant-{p} behind until it expired"));
    }
    facts.locked.first().map_or(Ok(()), |event| Err(event.to_string()))
}

/// A coordinator finishes only its own branches; foreign gids are untouched, and so is what another
/// log under the same coordinator's id has prepared.
pub fn ownership(facts: &Facts<'_>) -> Result<(), String> {
    facts.foreign.first().map_or(Ok(()), |event| Err(event.to_string()))
}

/// Any message twice, recovery any number of times, or crashed inside itself: a branch takes
/// effect once.
pub fn idempotence(facts: &Facts<'_>) -> Result<(), String> {
    let mut again =
        facts.txs.iter().flat_map(|(id, tx)| each(tx.ended_again).map(move |p| (id, p)));
    match again.next() {
        Some((id, p)) => Err(format!("{id} ended twice at participant-{p}")),
        None => Ok(()),
    }
}
