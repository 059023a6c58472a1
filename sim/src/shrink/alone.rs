//! One transaction by itself.
//!
//! With the others gone, so is the time that they took, and what a bad network would have struck next.
//! So it is tried at other times, with the one fault that is left at each step of the protocol, and
//! with one message lost instead of a network that loses some.

use super::Search;
use super::work::{numbers, only};
use crate::history::Word;
use crate::scenario::{Cue, Fault, FaultKind, MessageDeed, Network, Scenario, Sight, When};

/// Of how many transactions each is tried.
const FEW: u32 = 10;

/// So many pauses before it are tried, and so far apart.
const PACES: u64 = 20;
const PACE_MS: u64 = 25;

/// The steps of the protocol at which a fault is tried, each for the first two that come.
const STEPS: [Sight; 9] = [
    Sight::Prepare,
    Sight::Vote,
    Sight::Force,
    Sight::Decision,
    Sight::Commit,
    Sight::End,
    Sight::OnePhase,
    Sight::Forget,
    Sight::Answer,
];

/// The messages that are tried to be lost, each of the first two.
const WORDS: [Word; 7] = [
    Word::Prepare,
    Word::Vote,
    Word::Commit,
    Word::Acknowledgement,
    Word::Abort,
    Word::OnePhase,
    Word::OnePhaseAnswer,
];

/// One of the transactions that are left, whichever does it.
pub(super) fn alone(search: &mut Search<'_, Scenario>) {
    let scenario = search.smallest();
    if !(2..=FEW).contains(&scenario.transactions) {
        return;
    }
    for number in numbers(scenario) {
        let mut by_itself = search.smallest().clone();
        only(&mut by_itself, &[number]);
        by_itself.clients = 1;
        if otherwise(&by_itself).into_iter().any(|scenario| search.accept(scenario)) {
            return;
        }
    }
}

/// The same at other times, with its fault elsewhere, and with a message lost.
fn otherwise(scenario: &Scenario) -> Vec<Scenario> {
    let paced = (0..PACES).map(|step| Scenario { think_ms: PACE_MS * step, ..scenario.clone() });
    let at_once = Scenario { think_ms: 0, ..scenario.clone() };
    let cues =
        STEPS.iter().flat_map(|event| [1, 2].map(|nth| Cue { event: *event, at: None, nth }));
    let aimed = cues.filter_map(|cue| {
        let [fault] = &at_once.faults[..] else { return None };
        let faults = vec![Fault { when: When::On(cue, 0), ..fault.clone() }];
        Some(Scenario { faults, ..at_once.clone() })
    });
    let messages = WORDS.iter().flat_map(|word| [1, 2].map(|nth| lost(scenario, *word, nth)));
    let struck = messages.filter(|_| scenario.network != Network::calm()).map(|fault| {
        let faults = [&scenario.faults[..], &[fault]].concat();
        Scenario { faults, network: Network::calm(), ..at_once.clone() }
    });
    paced.chain(aimed).chain(struck).collect()
}

fn lost(scenario: &Scenario, word: Word, nth: u32) -> Fault {
    let (deed, by_ms) = (MessageDeed::Lose, 0);
    let kind = FaultKind::Message { word, nth, from: None, to: None, deed, by_ms };
    Fault { when: When::At(0), for_ms: scenario.heal_ms, kind }
}
