//! The judge, put to histories that were tampered with: each lie is found out.

use indoubt_chaos::judge::judge;
use indoubt_sim::history::rows::marker;
use indoubt_sim::history::{Ask, Entry, Event, Heard, History, Place, Reading, Told, Tx};
use indoubt_sim::invariants::Invariant;

const TX: Tx = Tx { epoch: 1, sequence: 1 };
const HERE: Place = Place::Coordinator(0);

/// A transaction at two databases that commits, as it is seen from outside.
fn committed() -> Vec<Event> {
    let mut events = vec![Event::Run { participants: 2, calm: false, marked: true }];
    events.extend([0, 1].map(|p| Event::Seeded { p, key: 0, value: 1_000 }));
    events.extend([
        Event::Started { place: HERE },
        Event::Opened { by: HERE, epoch: 1, unfinished: Vec::new() },
        Event::Began { tx: TX, by: HERE },
    ]);
    events.extend([0, 1].map(|p| Event::Enlisted { tx: TX, p }));
    events.push(Event::AskedCommit { tx: TX });
    events.extend([0, 1].map(|p| asked(p, Ask::Prepare)));
    events.extend([0, 1].map(|p| heard(p, Ask::Prepare, Heard::Yes)));
    events.extend([Event::Deciding { tx: TX, branches: 2 }, Event::Decided { tx: TX }]);
    events.extend([0, 1].map(|p| asked(p, Ask::Commit)));
    events.extend([0, 1].map(|p| heard(p, Ask::Commit, Heard::AsDecided)));
    events.push(Event::Forgotten { tx: TX, by: HERE });
    let (pending, heuristic) = (Vec::new(), Vec::new());
    events.push(Event::Answered {
        tx: TX,
        told: Told::Committed,
        pending,
        heuristic,
        reason: None,
    });
    events.extend([Event::Healed, Event::Status { tx: TX, told: Told::Committed, after_us: 10 }]);
    for (p, value) in [(0, 990), (1, 1_010)] {
        events.push(Event::Foreign { p, expected: 2, found: 2 });
        events.push(Event::Row { p, key: 0, value });
        events.push(Event::Row { p, key: marker(TX), value: 2 });
    }
    events.push(Event::Quiesced);
    events
}

fn asked(p: u8, ask: Ask) -> Event {
    Event::Asked { tx: TX, p, by: HERE, ask }
}

fn heard(p: u8, ask: Ask, heard: Heard) -> Event {
    Event::Heard { tx: TX, p, by: HERE, ask, heard }
}

fn broken(events: Vec<Event>) -> Vec<Invariant> {
    let entries = (0..).zip(events).map(|(at_us, event)| Entry { at_us, event });
    let judged = judge(&entries.collect::<History>(), true).expect("the explorer can be asked");
    judged.violations.iter().map(|violation| violation.invariant).collect()
}

fn without(keep: impl Fn(&Event) -> bool) -> Vec<Event> {
    committed().into_iter().filter(|event| !keep(event)).collect()
}

/// The same with one event put before the first that is like this.
fn with(event: Event, before: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut events = committed();
    let at = events.iter().position(before).expect("there is one");
    events.insert(at, event);
    events
}

#[test]
fn what_was_not_tampered_with_holds() {
    assert_eq!(broken(committed()), []);
}

#[test]
fn a_marker_that_is_missing_is_a_commit_that_did_not_last() {
    let is_marker = |event: &Event| matches!(event, Event::Row { p: 1, key, .. } if *key != 0);
    let broken = broken(without(is_marker));
    assert!(broken.contains(&Invariant::Durability), "{broken:?}");
    assert!(broken.contains(&Invariant::Conservation), "{broken:?}");
}

#[test]
fn a_commit_that_is_asked_for_before_its_decision_is_seen() {
    let decides = |event: &Event| matches!(event, Event::Deciding { .. });
    let broken = broken(with(asked(0, Ask::Commit), decides));
    assert!(broken.contains(&Invariant::DecisionBeforeEffect), "{broken:?}");
}

#[test]
fn a_decision_without_a_vote_is_seen() {
    let votes = |event: &Event| *event == heard(1, Ask::Prepare, Heard::Yes);
    let broken = broken(without(votes));
    assert!(broken.contains(&Invariant::Validity), "{broken:?}");
}

#[test]
fn a_commit_that_is_forgotten_before_it_was_acknowledged_is_seen() {
    let event = Event::Forgotten { tx: TX, by: HERE };
    let acknowledges = |event: &Event| *event == heard(0, Ask::Commit, Heard::AsDecided);
    let broken = broken(with(event, acknowledges));
    assert!(broken.contains(&Invariant::SafeForgetting), "{broken:?}");
}

#[test]
fn a_branch_that_is_rolled_back_where_the_other_commits_is_a_split() {
    let mut events = without(|event| {
        let is_marker = matches!(event, Event::Row { p: 1, key, .. } if *key != 0);
        is_marker || *event == heard(1, Ask::Commit, Heard::AsDecided)
    });
    let forgets = events.iter().position(|event| matches!(event, Event::Forgotten { .. }));
    let at = forgets.expect("there is one");
    events.insert(at, heard(1, Ask::RecoverAbort, Heard::AsDecided));
    events.insert(at, asked(1, Ask::RecoverAbort));
    let broken = broken(events);
    assert!(broken.contains(&Invariant::Agreement), "{broken:?}");
    assert!(broken.contains(&Invariant::AsExplored), "{broken:?}");
}

#[test]
fn an_answer_by_gid_that_is_not_so_is_a_lie() {
    let quiesces = |event: &Event| *event == Event::Quiesced;
    let aborted = Event::Status { tx: TX, told: Told::Aborted, after_us: 10 };
    assert!(broken(with(aborted, quiesces)).contains(&Invariant::ClientTruth));
    let in_doubt = Event::Status { tx: TX, told: Told::InDoubt, after_us: 10 };
    assert!(broken(with(in_doubt, quiesces)).contains(&Invariant::ClientTruth));
}

#[test]
fn a_decision_that_the_next_opening_does_not_find_is_lost() {
    let opened = Event::Opened { by: HERE, epoch: 2, unfinished: Vec::new() };
    let commits = |event: &Event| *event == asked(0, Ask::Commit);
    let broken = broken(with(opened, commits));
    assert!(broken.contains(&Invariant::Durability), "{broken:?}");
}

#[test]
fn what_is_left_is_an_orphan_and_a_touched_stranger_is_seen() {
    let quiesces = |event: &Event| *event == Event::Quiesced;
    let left = Event::StillPrepared { tx: TX, p: 1 };
    assert!(broken(with(left, quiesces)).contains(&Invariant::NoOrphans));
    let touched = Event::Foreign { p: 1, expected: 2, found: 1 };
    assert!(broken(with(touched, quiesces)).contains(&Invariant::Ownership));
    let without_rest = without(quiesces);
    assert!(broken(without_rest).contains(&Invariant::Termination));
}

/// A run in which the client was refused, up to where its branches are asked for their votes.
fn asked_to_prepare(branches: &[u8]) -> Vec<Event> {
    let mut events = committed();
    let prepares = |event: &Event| matches!(event, Event::Asked { .. });
    events.truncate(events.iter().position(prepares).expect("there is one"));
    events.retain(|event| match event {
        Event::Enlisted { p, .. } => branches.contains(p),
        _ => true,
    });
    events
}

fn at_rest(mut events: Vec<Event>, told: Told) -> Vec<Event> {
    events.extend([Event::Healed, Event::Status { tx: TX, told, after_us: 10 }]);
    events.extend([0, 1].map(|p| Event::Foreign { p, expected: 2, found: 2 }));
    events.extend([0, 1].map(|p| Event::Row { p, key: 0, value: 1_000 }));
    events.push(Event::Quiesced);
    events
}

fn answered(told: Told) -> Event {
    let (pending, heuristic) = (Vec::new(), Vec::new());
    Event::Answered { tx: TX, told, pending, heuristic, reason: None }
}

#[test]
fn a_list_that_is_older_than_an_acknowledged_abort_is_no_lie() {
    let mut events = asked_to_prepare(&[0, 1]);
    events.extend([0, 1].map(|p| asked(p, Ask::Prepare)));
    events.extend([heard(0, Ask::Prepare, Heard::Yes), heard(1, Ask::Prepare, Heard::Lost)]);
    events.extend([0, 1].map(|p| asked(p, Ask::Abort)));
    events.extend([0, 1].map(|p| heard(p, Ask::Abort, Heard::AsDecided)));
    events.push(answered(Told::Aborted));
    events.extend([
        Event::LogRead { tx: TX, by: HERE, reading: Reading::Absent },
        asked(1, Ask::RecoverAbort),
        heard(1, Ask::RecoverAbort, Heard::AsDecided),
    ]);
    assert_eq!(broken(at_rest(events, Told::Aborted)), []);
}

#[test]
fn a_server_that_was_killed_need_not_know_how_a_lone_commit_ended() {
    let lone = |killed: bool| {
        let mut events = asked_to_prepare(&[0]);
        events.extend([asked(0, Ask::OnePhase), heard(0, Ask::OnePhase, Heard::Lost)]);
        let place = Place::Participant(0);
        if killed {
            events.extend([Event::Crashed { place }, Event::Started { place }]);
        }
        events.extend([asked(0, Ask::Inquire), heard(0, Ask::Inquire, Heard::Untold)]);
        events.push(answered(Told::InDoubt));
        at_rest(events, Told::InDoubt)
    };
    assert_eq!(broken(lone(true)), []);
    let broken = broken(lone(false));
    assert!(broken.contains(&Invariant::ClientTruth), "{broken:?}");
}
