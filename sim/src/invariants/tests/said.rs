//! What a coordinator says, and what it is not to say; what a driver that ends is not to leave.

use super::super::{Invariant, verdict};
use crate::history::{
    Ask, Entry, Event, Heard, History, Place, Reason, Swept, Told, Tx, Unreached, VoteKind,
};

const BY: Place = Place::Coordinator(0);
const TX: Tx = Tx { epoch: 1, sequence: 1 };
const OTHER: Tx = Tx { epoch: 1, sequence: 2 };

/// Which of these are broken by a history of these events, a millisecond apart.
fn breaks(events: &[Event], of: Invariant) -> bool {
    let entry = |(at, event): (u64, &Event)| Entry { at_us: 1_000 * at, event: event.clone() };
    let history: History = (1..).zip(events).map(entry).collect();
    verdict(&history, &[]).iter().any(|violation| violation.invariant == of)
}

fn lies(events: &[Event]) -> bool {
    breaks(events, Invariant::HonestReports)
}

fn opened(epoch: u64) -> Event {
    Event::Opened { by: BY, epoch, unfinished: Vec::new() }
}

fn yes(p: u8) -> Event {
    Event::Voted { tx: TX, p, vote: VoteKind::Yes }
}

fn swept(epoch: u64, says: Swept) -> Event {
    Event::Swept { by: BY, epoch, after_us: 500, says }
}

fn unreached(p: Option<u8>, tx: Option<Tx>) -> Swept {
    Swept { unreached: vec![Unreached { p, tx }], ..Swept::default() }
}

fn refused(reason: Reason) -> Event {
    let (pending, heuristic, reason) = (Vec::new(), Vec::new(), Some(reason));
    Event::Answered { tx: TX, told: Told::Aborted, pending, heuristic, reason }
}

fn heard(p: u8, heard: Heard) -> Event {
    Event::Heard { tx: TX, p, by: BY, ask: Ask::Prepare, heard }
}

#[test]
fn a_sweep_names_what_was_prepared_before_it_and_still_is() {
    let after = |says| lies(&[opened(1), yes(0), opened(2), swept(2, says)]);
    assert!(after(Swept::default()));
    assert!(after(unreached(Some(1), None)));
    assert!(after(unreached(Some(0), Some(OTHER))));
    assert!(!after(unreached(Some(0), None)));
    assert!(!after(unreached(Some(0), Some(TX))));
    assert!(!after(unreached(None, None)));
    assert!(!after(Swept { stranded: vec![(TX, 0)], ..Swept::default() }));
}

#[test]
fn a_sweep_leaves_alone_what_its_driver_is_at_work_on_as_long_as_there_is_one() {
    let asked = Event::Asked { tx: TX, p: 0, by: BY, ask: Ask::Prepare };
    let ended = Event::DriverEnded { by: BY, epoch: 1, dropped: true };
    let (opened, complete) = (opened(1), swept(1, Swept::default()));
    let at_work = [opened.clone(), asked.clone(), yes(0), complete.clone()];
    assert!(!lies(&at_work));
    assert!(lies(&[opened.clone(), asked.clone(), yes(0), ended, complete.clone()]));
    // It has given up on the branch, and told its client: it is recovery's.
    let gave_up = Event::GaveUp { tx: TX, p: 0, by: BY, ask: Ask::Prepare };
    let done = [opened, asked, yes(0), gave_up, refused(Reason::VoteLost(0)), complete];
    assert!(lies(&done));
}

#[test]
fn at_rest_everything_is_reached() {
    let rests = |says| lies(&[opened(1), opened(2), swept(2, says), Event::Quiesced]);
    assert!(rests(unreached(None, None)));
    assert!(!rests(Swept::default()));
    let fenced = swept(1, unreached(None, None));
    assert!(!lies(&[opened(1), opened(2), fenced, Event::Quiesced]));
}

#[test]
fn a_sweep_counts_what_it_has_done() {
    let says = Swept { rolled_back: vec![TX], ..Swept::default() };
    let ended =
        |committed| Event::Ended { tx: TX, p: 0, committed, one_phase: false, by_recovery: true };
    // The end is in the half millisecond that the sweep took.
    let late = |event: Event| {
        let entries = [(0, opened(2)), (900, event), (1_000, swept(2, says.clone()))];
        let history: History =
            entries.into_iter().map(|(at_us, event)| Entry { at_us, event }).collect();
        let broken = verdict(&history, &[]);
        broken.iter().any(|violation| violation.invariant == Invariant::HonestReports)
    };
    assert!(!late(ended(false)));
    assert!(late(ended(true)));
    assert!(lies(&[opened(2), swept(2, says.clone())]));
}

#[test]
fn whoever_is_refused_is_told_why() {
    let enlisted = Event::Enlisted { tx: TX, p: 0 };
    assert!(!lies(&[heard(0, Heard::No), refused(Reason::VotedNo(0))]));
    assert!(lies(&[heard(0, Heard::No), refused(Reason::VotedNo(1))]));
    assert!(!lies(&[heard(1, Heard::Lost), refused(Reason::VoteLost(1))]));
    assert!(lies(&[heard(1, Heard::No), refused(Reason::VoteLost(1))]));
    assert!(lies(&[enlisted.clone(), refused(Reason::Incomplete(0))]));
    assert!(!lies(&[enlisted.clone(), refused(Reason::Incomplete(1))]));
    assert!(lies(&[opened(1), refused(Reason::Fenced)]));
    assert!(!lies(&[opened(1), opened(2), refused(Reason::Fenced)]));
    // A commit in one phase is not the log's.
    assert!(lies(&[enlisted.clone(), refused(Reason::Doubt(Vec::new()))]));
    assert!(!lies(&[enlisted, heard(0, Heard::Unknown), refused(Reason::Doubt(vec![0]))]));
}

#[test]
fn what_is_to_come_was_never_begun() {
    let told = |told| Event::Status { tx: TX, told, after_us: 1 };
    let began = Event::Began { tx: TX, by: BY };
    assert!(!lies(&[opened(1), told(Told::NeverBegun), began.clone()]));
    assert!(lies(&[opened(1), told(Told::Aborted), began.clone()]));
    assert!(lies(&[opened(1), began, told(Told::NeverBegun)]));
}

#[test]
fn a_driver_that_ends_by_itself_has_told_every_branch() {
    let ended = |dropped| Event::DriverEnded { by: BY, epoch: 1, dropped };
    let told = Event::Asked { tx: TX, p: 0, by: BY, ask: Ask::Abort };
    let leaves = |events: &[Event]| breaks(events, Invariant::Drained);
    assert!(leaves(&[opened(1), yes(0), ended(false)]));
    assert!(!leaves(&[opened(1), yes(0), ended(true)]));
    assert!(!leaves(&[opened(1), yes(0), told, ended(false)]));
    assert!(!leaves(&[opened(1), yes(0), opened(2), ended(false)]));
}

#[test]
fn where_nothing_fails_no_more_is_asked_or_forced_than_is_stated() {
    let run = |calm| Event::Run { participants: 2, calm, marked: false };
    let enlisted = |p| Event::Enlisted { tx: TX, p };
    let asks = |p, ask| Event::Asked { tx: TX, p, by: BY, ask };
    let deciding = Event::Deciding { tx: TX, branches: 2 };
    let is_dear = |more: &[Event]| {
        let usual = [enlisted(0), enlisted(1), asks(0, Ask::Prepare), asks(1, Ask::Prepare)];
        let then = |calm| [&[run(calm)], &usual[..], more].concat();
        assert!(
            !breaks(&then(false), Invariant::StatedCost),
            "of a run in which something may fail"
        );
        breaks(&then(true), Invariant::StatedCost)
    };
    assert!(!is_dear(&[yes(0), yes(1), deciding.clone(), asks(0, Ask::Commit)]));
    assert!(is_dear(&[asks(0, Ask::Prepare)]));
    assert!(is_dear(std::slice::from_ref(&deciding)));
    assert!(is_dear(&[yes(0), yes(1), deciding.clone(), deciding]));
    assert!(is_dear(&[yes(0), asks(0, Ask::Commit)]));
    assert!(is_dear(&[asks(0, Ask::Inquire)]));
    assert!(is_dear(&[swept(1, unreached(Some(0), None))]));
}
