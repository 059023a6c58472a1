//! What a history from outside implies: votes and ends, where they are known to have happened.
//!
//! | known by | is put |
//! |---|---|
//! | a vote was heard | before it was heard |
//! | recovery asks for a rollback, so it found the branch prepared | a yes, before it read the log, which it does in between, and before any acknowledged abort |
//! | it was heard to have committed | before that was first heard |
//! | it was heard to have rolled back, by recovery or after a yes | before that was first heard |
//! | recovery asked for that, and was never answered | after the last question, for it found the branch before that |
//! | only others asked for that, after a yes, and were never answered | after the first question |
//! | its marker is there, and nobody heard of a commit | after the first question that can have done it; else at the end |
//!
//! A server that was killed can no longer tell how those ended that were never prepared.
//!
//! A branch that was lost with its server before it was asked for its vote votes no by not being there:
//! that is no vote that it gave, and is left out.
//!
//! A branch whose vote nobody knows to be a yes has no end of its own: at rest it has committed if its
//! marker is there, and not otherwise.

use std::collections::{BTreeMap, BTreeSet};

use indoubt_sim::history::rows::marker;
use indoubt_sim::history::{Ask, Entry, Event, Heard, History, Place, Tx, VoteKind};

/// A branch: its transaction, and its participant.
type Branch = (Tx, u8);

/// A question about a branch, and its answer if one came; both as places in the history.
#[derive(Clone, Copy, Debug)]
struct Question {
    ask: Ask,
    asked: usize,
    /// When the log was last read for the transaction before.
    read: Option<usize>,
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
    let crashes = crashes(entries);
    for (at, p) in &crashes {
        additions.push((at + 1, Event::ForgotUnprepared { p: *p }));
    }
    for (branch, questions) in &questions(entries) {
        vote(*branch, questions, &crashes, &mut additions);
        let is_there = markers.contains(branch);
        ending(*branch, &questions.asked, is_there, end, &mut additions);
    }
    merged(entries, additions)
}

/// All questions about a branch, in order.
#[derive(Clone, Debug, Default)]
struct Questions {
    enlisted: usize,
    asked: Vec<Question>,
}

/// The questions about every branch.
fn questions(entries: &[Entry]) -> BTreeMap<Branch, Questions> {
    let mut all: BTreeMap<Branch, Questions> = BTreeMap::new();
    let mut read: BTreeMap<Tx, usize> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        match entry.event {
            Event::Enlisted { tx, p } => all.entry((tx, p)).or_default().enlisted = at,
            Event::LogRead { tx, .. } => drop(read.insert(tx, at)),
            Event::Asked { tx, p, ask, .. } => {
                let read = read.get(&tx).copied();
                let question = Question { ask, asked: at, read, answer: None };
                all.entry((tx, p)).or_default().asked.push(question);
            }
            Event::Heard { tx, p, ask, heard, .. } => {
                let asked = &mut all.entry((tx, p)).or_default().asked;
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

/// Servers that were killed, and when.
fn crashes(entries: &[Entry]) -> Vec<(usize, u8)> {
    let crash = |(at, entry): (usize, &Entry)| match entry.event {
        Event::Crashed { place: Place::Participant(p) } => Some((at, p)),
        _ => None,
    };
    entries.iter().enumerate().filter_map(crash).collect()
}

fn vote(
    (tx, p): Branch,
    Questions { enlisted, asked: questions }: &Questions,
    crashes: &[(usize, u8)],
    additions: &mut Additions,
) {
    let is_lost = |before: usize| {
        crashes.iter().any(|(at, place)| *place == p && (*enlisted..before).contains(at))
    };
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
    // The list that recovery goes by may be older than an end that was acknowledged meanwhile.
    let over = |one: &Question| one.answer.filter(|_| one.ask == Ask::Abort).map(|(at, _)| at);
    let over = questions.iter().find_map(over);
    let found = found.map(|one| one.read.unwrap_or(one.asked));
    let found = found.map(|at| (over.map_or(at, |over| over.min(at)), VoteKind::Yes));
    let heard = heard.filter(|(at, vote)| *vote != VoteKind::No || !is_lost(*at));
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
    let by_recovery = |one: &&Question| one.ask == Ask::RecoverAbort;
    let has_voted = questions.iter().any(|one| {
        let says_so = one.answer.is_some_and(|(_, heard)| heard == Heard::Yes);
        by_recovery(&one) || one.ask == Ask::Prepare && says_so
    });
    let is_answered =
        |one: &&Question| one.answer.is_some_and(|(_, heard)| heard == Heard::AsDecided);
    let by_its_own = |one: &&Question| one.ask == Ask::Abort && has_voted;
    let asked = || questions.iter().filter(|one| by_recovery(one) || by_its_own(one));
    let one = asked().find(is_answered);
    let one = one.or_else(|| asked().rfind(by_recovery)).or_else(|| asked().next())?;
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
