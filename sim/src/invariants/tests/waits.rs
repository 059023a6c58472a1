//! What comes too late is seen, and what comes in time, or has a part in what is sick, is not.

use super::super::{Invariant, verdict};
use crate::history::{Entry, Event, History, Place, Told, Tx, VoteKind, Waits};

const TX: Tx = Tx { epoch: 1, sequence: 1 };

const WAITS: Waits = Waits {
    answer_us: 100,
    sick_answer_us: 1_000,
    sick: Some(1),
    status_us: 10,
    orphan_us: Some(50),
};

/// Whether something in this history, by its times, came too late.
fn late(events: &[(u64, Event)]) -> bool {
    let promised = (0, Event::Promised { waits: WAITS });
    let entry = |(at_us, event): &(u64, Event)| Entry { at_us: *at_us, event: event.clone() };
    let history: History = [promised].iter().chain(events).map(entry).collect();
    verdict(&history, &[]).iter().any(|violation| violation.invariant == Invariant::BoundedWait)
}

fn answered(tx: Tx) -> Event {
    Event::Answered {
        tx,
        told: Told::Aborted,
        pending: Vec::new(),
        heuristic: Vec::new(),
        reason: None,
    }
}

fn opened(epoch: u64) -> Event {
    Event::Opened { by: Place::Coordinator(0), epoch, unfinished: Vec::new() }
}

fn votes_yes(p: u8) -> Event {
    Event::Voted { tx: TX, p, vote: VoteKind::Yes }
}

fn ended(p: u8) -> Event {
    Event::Ended { tx: TX, p, committed: false, one_phase: false, by_recovery: true }
}

#[test]
fn an_answer_has_its_time_and_more_where_a_sick_participant_has_a_part() {
    let waits = |p: u8, us: u64| {
        let enlisted = (0, Event::Enlisted { tx: TX, p });
        late(&[enlisted, (5, Event::AskedCommit { tx: TX }), (5 + us, answered(TX))])
    };
    assert!(!waits(0, 100));
    assert!(waits(0, 101));
    assert!(!waits(1, 1_000));
    assert!(waits(1, 1_001));
}

#[test]
fn whoever_has_left_waits_for_nothing() {
    let (asked, left) = (Event::AskedCommit { tx: TX }, Event::Left { tx: TX });
    assert!(!late(&[(0, asked), (50, left), (5_000, answered(TX))]));
}

#[test]
fn a_question_by_gid_has_its_time() {
    let status = |after_us| Event::Status { tx: TX, told: Told::InDoubt, after_us };
    assert!(!late(&[(20, status(10))]));
    assert!(late(&[(20, status(11))]));
}

#[test]
fn an_orphan_has_its_time_from_the_opening_or_from_its_late_vote() {
    let other = |at| (at, Event::AskedCommit { tx: Tx { epoch: 2, sequence: 9 } });
    // Of the opening that is in use it is none.
    assert!(!late(&[(0, opened(1)), (10, votes_yes(0)), other(900)]));
    assert!(!late(&[(0, votes_yes(0)), (10, opened(2)), (60, ended(0)), other(900)]));
    assert!(late(&[(0, votes_yes(0)), (10, opened(2)), (61, ended(0))]));
    assert!(late(&[(0, votes_yes(0)), (10, opened(2)), other(900)]));
    assert!(late(&[(0, opened(2)), (10, votes_yes(0)), other(61)]));
    // The sick one's wait for it, and while no coordinator is up nobody can end it.
    assert!(!late(&[(0, votes_yes(1)), (10, opened(2)), other(900)]));
    let crashed = Event::Crashed { place: Place::Coordinator(0) };
    assert!(!late(&[(0, votes_yes(0)), (10, opened(2)), (50, crashed), other(900)]));
}
