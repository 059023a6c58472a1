//! A history is judged at every moment: what comes later heals nothing.

use super::super::{Invariant, Violation, verdict};
use crate::history::{Entry, Event, History, Place, Told, Tx, VoteKind};

const TX: Tx = Tx { epoch: 1, sequence: 1 };

/// What a history breaks that begins as usual, with two branches that have voted yes.
fn judged(rest: Vec<Event>) -> Vec<String> {
    let (tx, vote) = (TX, VoteKind::Yes);
    let usual = [
        Event::Run { participants: 2, calm: false, marked: true },
        Event::Enlisted { tx, p: 0 },
        Event::Enlisted { tx, p: 1 },
        Event::AskedCommit { tx },
        Event::Voted { tx, p: 0, vote },
        Event::Voted { tx, p: 1, vote },
    ];
    let entry = |event| Entry { at_us: 0, event };
    let history: History = usual.into_iter().chain(rest).map(entry).collect();
    // It is cut off, so it has not come to rest.
    let cut = |violation: &Violation| violation.invariant != Invariant::Termination;
    verdict(&history, &[]).iter().filter(|one| cut(one)).map(ToString::to_string).collect()
}

fn ended(p: u8, committed: bool) -> Event {
    Event::Ended { tx: TX, p, committed, one_phase: false, by_recovery: false }
}

fn answer(pending: Vec<u8>) -> Event {
    Event::Answered { tx: TX, told: Told::Committed, pending, heuristic: Vec::new(), reason: None }
}

/// It commits, everybody has acknowledged it, and a failover brings the second branch back.
fn came_back(rest: Vec<Event>) -> Vec<Event> {
    let (tx, by) = (TX, Place::Coordinator(0));
    let mut events = vec![
        Event::Decided { tx },
        Event::StandbyCutOff { p: 1 },
        ended(0, true),
        ended(1, true),
        Event::Forgotten { tx, by },
        Event::FailedOver { p: 1 },
    ];
    events.extend(rest);
    events
}

/// Each is wrong for a moment only.
#[test]
fn a_history_is_judged_at_every_moment() {
    let (tx, decided) = (TX, Event::Decided { tx: TX });
    let (first, second) = (ended(0, true), ended(1, true));
    let forgotten = Event::Forgotten { tx, by: Place::Coordinator(0) };
    let reported = Event::HeuristicReported { tx, p: 1 };
    let overruled = Event::OperatorEnded { tx, p: 1, committed: false };
    for (rest, what) in [
        (vec![decided.clone(), first.clone(), answer(vec![1]), second.clone()], None),
        (
            vec![first.clone(), decided.clone(), second.clone()],
            Some(
                "decision_before_effect: tx 1:1 committed at participant-0 before its decision was durable",
            ),
        ),
        (
            vec![decided.clone(), first.clone(), forgotten, second.clone()],
            Some("safe_forgetting: tx 1:1 was forgotten before it had finished at participant-1"),
        ),
        (
            vec![answer(vec![0, 1]), decided.clone(), first.clone(), second.clone()],
            Some(
                "client_truth: tx 1:1 was told to be committed when it was not decided, nor \
                 committed at participant-0 and participant-1",
            ),
        ),
        (
            vec![decided.clone(), first.clone(), answer(Vec::new()), second],
            Some(
                "client_truth: tx 1:1 was answered as committed without naming participant-1 as pending",
            ),
        ),
        (
            vec![decided.clone(), first.clone(), ended(1, false)],
            Some("agreement: tx 1:1 committed at participant-0, and did not at participant-1"),
        ),
        (vec![decided.clone(), first.clone(), overruled.clone(), reported.clone()], None),
        (came_back(vec![ended(1, true)]), None),
        (
            came_back(vec![ended(1, false)]),
            Some("agreement: tx 1:1 committed at participant-0, and did not at participant-1"),
        ),
        // Lost for good, as documented.
        (
            vec![
                Event::FailedOver { p: 1 },
                decided.clone(),
                first.clone(),
                Event::HeuristicReported { tx, p: 1 },
                answer(Vec::new()),
            ],
            None,
        ),
        (
            vec![decided, first, reported, overruled],
            Some(
                "heuristics_reported: tx 1:1 was reported as ended by someone else at \
                 participant-1, and was not",
            ),
        ),
    ] {
        let what: Vec<_> = what.into_iter().map(ToOwned::to_owned).collect();
        assert_eq!(judged(rest.clone()), what, "{rest:?}");
    }
}
