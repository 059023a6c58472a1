//! Invariants on decisions and outcomes.

use super::Facts;
use crate::history::{Told, VoteKind};

/// Never o(p, t) = C and o(q, t) = A, crashed and recovered participants included.
///
/// At rest that means: if one branch committed, every branch did, read-only ones and those
/// that an operator ended excepted.
pub fn agreement(facts: &Facts<'_>) -> Result<(), String> {
    for (id, tx) in &facts.txs {
        let Some(commit) = tx.first_commit() else { continue };
        if let Some(abort) = tx.endings.iter().find(|ending| !ending.committed) {
            return Err(format!(
                "{id} committed at participant-{} and rolled back at participant-{}",
                commit.p, abort.p
            ));
        }
        let missing = tx.not_committed();
        if facts.quiesced && !missing.is_empty() {
            return Err(format!(
                "{id} committed at participant-{} and never at participants {missing:?}",
                commit.p
            ));
        }
    }
    Ok(())
}

/// D and o never change once set, at any point of the history.
pub fn stability(facts: &Facts<'_>) -> Result<(), String> {
    for (id, tx) in &facts.txs {
        for (later, ending) in tx.endings.iter().enumerate() {
            let changed = |earlier: &&super::facts::Ending| {
                earlier.p == ending.p && earlier.committed != ending.committed
            };
            if tx.endings[..later].iter().find(changed).is_some() {
                return Err(format!("{id} changed its outcome at participant-{}", ending.p));
            }
        }
    }
    Ok(())
}

/// D = C only if every enlisted participant durably voted yes, or read-only.
pub fn validity(facts: &Facts<'_>) -> Result<(), String> {
    for (id, tx) in &facts.txs {
        let two_phase = tx
            .endings
            .iter()
            .find(|ending| ending.committed && !ending.one_phase)
            .map(|ending| ending.at);
        let Some(at) = tx.decided.into_iter().chain(two_phase).min() else { continue };
        for p in &tx.enlisted {
            let vote = tx.votes.get(p).filter(|(voted, _)| *voted < at).map(|(_, vote)| vote);
            if !matches!(vote, Some(VoteKind::Yes | VoteKind::ReadOnly)) {
                return Err(format!("{id} was committed without a yes from participant-{p}"));
            }
        }
    }
    Ok(())
}

/// All yes, no fault, no timeout: D = C. In a run where nothing fails, a commit that no
/// participant voted against is answered as committed.
pub fn non_triviality(facts: &Facts<'_>) -> Result<(), String> {
    if !facts.calm {
        return Ok(());
    }
    for (id, tx) in &facts.txs {
        let refused = tx.votes.values().any(|(_, vote)| *vote == VoteKind::No);
        if tx.asked.is_some() && !refused && tx.answer != Some(Told::Committed) {
            return Err(format!(
                "{id} was answered {:?} although nothing failed and nobody voted no",
                tx.answer
            ));
        }
    }
    Ok(())
}

/// o(p, t) = C only after D = C was durable; one-phase commit exempt.
pub fn decision_before_effect(facts: &Facts<'_>) -> Result<(), String> {
    for (id, tx) in &facts.txs {
        let effect = tx.endings.iter().find(|ending| ending.committed && !ending.one_phase);
        let Some(effect) = effect else { continue };
        if tx.decided.is_none_or(|decided| decided > effect.at) {
            return Err(format!(
                "{id} committed at participant-{} before its decision was durable",
                effect.p
            ));
        }
    }
    Ok(())
}

/// Told committed: eventually C everywhere. Told aborted: A everywhere. Told in doubt: either,
/// but asking by gid eventually gives the truth.
///
/// A commit that needs no decision, of one branch or of reads alone, is only noted lazily: what
/// is presumed of it after a restart is no claim, and documented as such.
pub fn client_truth(facts: &Facts<'_>) -> Result<(), String> {
    let newest = facts.openings.iter().map(|opening| opening.epoch).max();
    for (id, tx) in &facts.txs {
        let presumed = tx.needs_no_decision() && newest > Some(id.epoch);
        let missing = if facts.quiesced { tx.not_committed() } else { Vec::new() };
        let told = |what| tx.answer == Some(what) || tx.statuses.contains(&what);
        if told(Told::Committed) && !missing.is_empty() {
            return Err(format!(
                "the client of {id} was told committed, and participants {missing:?} did not"
            ));
        }
        let told_aborted =
            if presumed { tx.answer == Some(Told::Aborted) } else { told(Told::Aborted) };
        if told_aborted && tx.first_commit().is_some() {
            return Err(format!("the client of {id} was told aborted, and a branch committed"));
        }
        if told_aborted && told(Told::Committed) {
            return Err(format!("the client of {id} was told committed as well as aborted"));
        }
        if facts.quiesced && tx.asked.is_some() && tx.statuses.last() == Some(&Told::InDoubt) {
            return Err(format!("{id} is still in doubt for those who ask by gid"));
        }
    }
    Ok(())
}

/// Any message twice, recovery any number of times, or crashed inside itself: a branch takes
/// effect once.
pub fn idempotence(facts: &Facts<'_>) -> Result<(), String> {
    for (id, tx) in &facts.txs {
        for (later, ending) in tx.endings.iter().enumerate() {
            if tx.endings[..later].iter().any(|earlier| earlier.p == ending.p) {
                return Err(format!("{id} ended twice at participant-{}", ending.p));
            }
        }
    }
    Ok(())
}
