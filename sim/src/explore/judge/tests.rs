//! The two judges know the same of the same: whatever can have become of two branches, the state
//! says of it what the history says that tells of it.

use super::super::state::{At, Log, NO_MACHINE, State, Told};
use super::super::system::{Reduction, System};
use crate::explore::Shipped;
use crate::history::{Entry, Event, History, Place, Told as Said, Tx, VoteKind};
use crate::invariants::Facts;
use crate::story::Size;

const TX: Tx = Tx { epoch: 1, sequence: 1 };

/// Each place where a branch can be, and how a history tells of it.
fn places(p: u8) -> Vec<(At, Vec<Event>)> {
    let tx = TX;
    let voted = |vote| Event::Voted { tx, p, vote };
    let ended =
        |committed, one_phase| Event::Ended { tx, p, committed, one_phase, by_recovery: false };
    let by_hand = |committed| Event::OperatorEnded { tx, p, committed };
    let yes = || voted(VoteKind::Yes);
    vec![
        (At::Open, vec![]),
        (At::Prepared, vec![yes()]),
        (At::Committed, vec![yes(), ended(true, false)]),
        (At::RolledBack, vec![yes(), ended(false, false)]),
        (At::CommittedAlone, vec![ended(true, true)]),
        (At::ReadOnly, vec![voted(VoteKind::ReadOnly)]),
        (At::Gone, vec![voted(VoteKind::No)]),
        (At::OperatorCommitted, vec![yes(), by_hand(true)]),
        (At::OperatorRolledBack, vec![yes(), by_hand(false)]),
    ]
}

/// The same of the log. Whoever asks by gid asks a coordinator of a newer opening.
fn logs() -> Vec<(Log, Vec<Event>)> {
    let (tx, by) = (TX, Place::Coordinator(0));
    let opened = |unfinished| Event::Opened { by, epoch: 2, unfinished };
    let (decided, forgotten) =
        (Event::Decided { tx }, Event::Forgotten { tx, by: Place::Coordinator(0) });
    let status = |told| Event::Status { tx, told, after_us: 0 };
    vec![
        (Log::Absent, vec![opened(vec![]), status(Said::Aborted)]),
        (Log::Decided, vec![opened(vec![tx])]),
        (Log::Finished, vec![decided, forgotten.clone()]),
        (Log::NotedForGood, vec![forgotten, status(Said::Committed)]),
    ]
}

/// And of the client.
fn answers() -> Vec<(Told, Vec<Event>)> {
    let answered =
        |told| Event::Answered { tx: TX, told, pending: vec![], heuristic: vec![], reason: None };
    vec![
        (Told::Nothing, vec![answered(Said::InDoubt)]),
        (Told::Committed, vec![answered(Said::Committed)]),
        (Told::Aborted, vec![answered(Said::Aborted)]),
    ]
}

fn history(events: &[Event]) -> History {
    events.iter().map(|event| Entry { at_us: 0, event: event.clone() }).collect()
}

#[test]
fn a_state_says_what_a_history_says() {
    let size = Size::new(1, 2, 1, 0);
    let system = System::new(Shipped, size, Reduction::Full).expect("a size in range");
    let mut state = system.initial();
    (state.txs[0].machine, state.txs[0].epoch) = (NO_MACHINE, 1);
    (state.log_epoch, state.coordinators[0].epoch) = (2, 2);
    for (first, at_first) in places(0) {
        for (second, at_second) in places(1) {
            for (log, in_log) in logs() {
                for (told, to_client) in answers() {
                    let tx = &mut state.txs[0];
                    (tx.branches[0].at, tx.branches[1].at) = (first, second);
                    (tx.log, tx.told) = (log, told);
                    let enlisted = [0, 1].map(|p| Event::Enlisted { tx: TX, p });
                    let parts = [&at_first, &at_second, &in_log, &to_client];
                    let events: Vec<_> =
                        enlisted.iter().chain(parts.into_iter().flatten()).cloned().collect();
                    assert_alike(&system, &state, events);
                }
            }
        }
    }
}

fn assert_alike(system: &System<Shipped>, state: &State, mut events: Vec<Event>) {
    let tx = &state.txs[0];
    let told = history(&events);
    assert_eq!(Facts::of(&told).txs[&TX].known, system.known(state, 0), "{events:?}");
    let ats = || tx.branches[..2].iter().map(|branch| branch.at).zip(0..);
    if ats().any(|(at, _)| at == At::Open) {
        // A history tells at rest of the locks of an open session, and not whose they are.
        return;
    }
    let prepared = ats().filter(|(at, _)| *at == At::Prepared);
    events.extend(prepared.map(|(_, p)| Event::StillPrepared { tx: TX, p }));
    if tx.log == Log::Decided {
        events.push(Event::StillUnfinished { tx: TX });
    }
    events.push(Event::Quiesced);
    let told = history(&events);
    assert_eq!(Facts::of(&told).txs[&TX].known, system.known_at_rest(state, 0), "{events:?}");
}
