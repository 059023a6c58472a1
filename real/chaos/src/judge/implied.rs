//! What a history from outside implies: votes and ends, where they are known to have happened.
//!
//! | known by | is put |
//! |---|---|
//! | a vote was heard | before it was heard |
//! | recovery asks for a rollback, so it found the branch prepared | a yes, before it asks |
//! | it was heard to have committed | before that was first heard |
//! | recovery asked for a rollback, the last time | before the answer, or at the question if none came |
//! | a rollback was asked for, never by recovery, of a branch that had voted yes | the same |
//! | its marker is there, and nobody heard of a commit | after the first question that can have done it; else at the end |
//!
//! A branch whose vote nobody knows to be a yes has no end of its own: at rest it has committed if its
//! marker is there, and not otherwise.

use std::collections::{BTreeMap, BTreeSet};

use indoubt_sim::history::rows::marker;
use indoubt_sim::history::{Ask, Entry, Event, Heard, History, Tx, VoteKind};

/// A branch: its transaction, and its participant.
type Branch = (Tx, u8);

/// A question about a branch, and its answer if one came; both as places in the history.
#[derive(Clone, Copy, Debug)]
struct Question {
    ask: Ask,
    asked: usize,
    answer: Option<(usize, Heard)>,
}

/// Events to be put in, each before the entry of this number.
type Additions = Vec<(usize, Event)>;

/// The history with what it implies. It is to have no vote and no end of its own.
pub fn complete(history: &History) -> History {
    let entries = history.entries();
    let mut additions = Additions::new();
    let markers = markers(entries);
    // What was there at the end, was there when everything was looked at.
    let looked_at = |event: &Event| matches!(event, Event::Row { .. });
    let end = history.events().position(looked_at).unwrap_or(entries.len());
    for (branch, questions) in &questions(entries) {
        vote(*branch, questions, &mut additions);
        let is_there = markers.contains(branch);
        ending(*branch, questions, is_there, end, &mut additions);
    }
    merged(entries, additions)
}

/// The questions about every branch, and about those that were only begun none.
fn questions(entries: &[Entry]) -> BTreeMap<Branch, Vec<Question>> {
    let mut all: BTreeMap<Branch, Vec<Question>> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        match entry.event {
            Event::Enlisted { tx, p } => drop(all.entry((tx, p)).or_default()),
            Event::Asked { tx, p, ask, .. } => {
                let question = Question { ask, asked: at, answer: None };
                all.entry((tx, p)).or_default().push(question);
            }
            Event::Heard { tx, p, ask, heard, .. } => {
                let asked = all.entry((tx, p)).or_default();
                let open = |one: &&mut Question| one.ask == ask && one.answer.is_none();
                // Those that a killed process asked are never answered.
                if let Some(question) = asked.iter_mut().rev().find(open) {
                    question.answer = Some((at, heard));
                }
            }
            _ => {}
        }
    }
    all
}

/// Where markers are at the end.
fn markers(entries: &[Entry]) -> BTreeSet<Branch> {
    let mut by_key: BTreeMap<u64, Tx> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for entry in entries {
        match entry.event {
            Event::Began { tx, .. } => drop(by_key.insert(marker(tx), tx)),
            Event::Row { p, key, .. } => {
                found.extend(by_key.get(&key).map(|tx| (*tx, p)));
            }
            _ => {}
        }
    }
    found
}

fn vote((tx, p): Branch, questions: &[Question], additions: &mut Additions) {
    let heard = questions.iter().find_map(|one| {
        let (at, heard) = one.answer?;
        let vote = match (one.ask, heard) {
            (Ask::Prepare, Heard::Yes) => VoteKind::Yes,
            (Ask::Prepare, Heard::ReadOnly) => VoteKind::ReadOnly,
            (Ask::Prepare, Heard::No) | (Ask::OnePhase | Ask::Inquire, Heard::RolledBack) => {
                VoteKind::No
            }
            _ => return None,
        };
        Some((at, vote))
    });
    let found = questions.iter().find(|one| one.ask == Ask::RecoverAbort);
    let found = found.map(|one| (one.asked, VoteKind::Yes));
    if let Some((at, vote)) = heard.or(found) {
        additions.push((at, Event::Voted { tx, p, vote }));
    }
}

fn ending(
    (tx, p): Branch,
    questions: &[Question],
    is_there: bool,
    end: usize,
    additions: &mut Additions,
) {
    let ended = |committed, one_phase, by_recovery| Event::Ended {
        tx,
        p,
        committed,
        one_phase,
        by_recovery,
    };
    let committed = questions.iter().find_map(|one| match (one.ask, one.answer?) {
        (ask @ (Ask::Commit | Ask::RecoverCommit), (at, Heard::AsDecided)) => {
            Some((at, ended(true, false, ask.by_recovery())))
        }
        (Ask::OnePhase | Ask::Inquire, (at, Heard::Committed)) => {
            Some((at, ended(true, true, false)))
        }
        _ => None,
    });
    let seen = || {
        let can_have =
            |one: &&Question| matches!(one.ask, Ask::OnePhase | Ask::Commit | Ask::RecoverCommit);
        let question = is_there.then(|| questions.iter().find(can_have));
        question.map(|question| match question {
            Some(one) => {
                (one.asked + 1, ended(true, one.ask == Ask::OnePhase, one.ask.by_recovery()))
            }
            None => (end, ended(true, false, false)),
        })
    };
    additions.extend(
        rolled_back(questions).map(|(at, by_recovery)| (at, ended(false, false, by_recovery))),
    );
    additions.extend(committed.or_else(seen));
}

/// When it is known to have been rolled back, and whether by recovery.
fn rolled_back(questions: &[Question]) -> Option<(usize, bool)> {
    let has_voted = questions.iter().any(|one| {
        one.ask == Ask::Prepare && one.answer.is_some_and(|(_, heard)| heard == Heard::Yes)
    });
    let by_recovery = questions.iter().rev().find(|one| one.ask == Ask::RecoverAbort);
    let by_its_own = || {
        let aborts = |one: &&Question| one.ask == Ask::Abort;
        questions.iter().find(aborts).filter(|_| has_voted)
    };
    let one = by_recovery.or_else(by_its_own)?;
    let at = match one.answer {
        Some((at, Heard::AsDecided)) => at,
        Some((_, Heard::Heuristic | Heard::Untold)) => return None,
        _ => one.asked + 1,
    };
    Some((at, one.ask.by_recovery()))
}

fn merged(entries: &[Entry], mut additions: Additions) -> History {
    // Stable: a vote was put in before an end.
    additions.sort_by_key(|(before, _)| *before);
    let mut additions = additions.into_iter().peekable();
    let mut all = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        while let Some((_, event)) = additions.next_if(|(before, _)| *before <= at) {
            all.push(Entry { at_us: entry.at_us, event });
        }
        all.push(entry.clone());
    }
    let last_us = entries.last().map_or(0, |entry| entry.at_us);
    all.extend(additions.map(|(_, event)| Entry { at_us: last_us, event }));
    all.into_iter().collect()
}
