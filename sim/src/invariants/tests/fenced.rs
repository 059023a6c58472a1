//! An abort that is acknowledged stays one, but for what recovery aborts.

use super::super::{Invariant, verdict};
use crate::history::{Ask, Entry, Event, Heard, History, Place, Tx, VoteKind};

const TX: Tx = Tx { epoch: 1, sequence: 1 };

fn begins_again(events: &[Event]) -> bool {
    let entry = |event: &Event| Entry { at_us: 0, event: event.clone() };
    let history: History = events.iter().map(entry).collect();
    verdict(&history, &[]).iter().any(|violation| violation.invariant == Invariant::Stability)
}

fn acknowledged(ask: Ask) -> Event {
    Event::Heard { tx: TX, p: 0, by: Place::Coordinator(0), ask, heard: Heard::AsDecided }
}

#[test]
fn a_prepare_that_comes_after_its_abort_was_acknowledged_is_seen() {
    let yes = Event::Voted { tx: TX, p: 0, vote: VoteKind::Yes };
    assert!(begins_again(&[acknowledged(Ask::Abort), yes.clone()]));
    assert!(!begins_again(&[acknowledged(Ask::RecoverAbort), yes.clone()]));
    assert!(!begins_again(&[yes.clone(), acknowledged(Ask::Abort), yes]), "it is told again");
}
