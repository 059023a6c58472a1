//! From a history to a picture.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::bars::Bars;
use super::lane::Lane;
use super::look::{Effect, Look, see};
use super::messages::Messages;
use super::moment::verdicts;
use super::parts::{Arrow, Bar, Mark, Message, Verdict};
use crate::history::{Event, History, Place};
use crate::invariants::Violation;

/// A run, laid out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// What is drawn, in a few words.
    pub title: String,
    /// The text of its scenario.
    pub scenario: String,
    /// The columns, from left to right.
    pub lanes: Vec<Lane>,
    /// Every event, in order of time.
    pub marks: Vec<Mark>,
    /// The requests of coordinators, in order of asking.
    pub messages: Vec<Message>,
    /// What lasts, in order of beginning.
    pub bars: Vec<Bar>,
    /// What broke.
    pub verdicts: Vec<Verdict>,
}

impl Picture {
    /// The picture of a run.
    pub fn of(title: &str, scenario: &str, history: &History, broken: &[Violation]) -> Self {
        let sights = sights(history);
        let of_a_service = history.events().any(|event| matches!(event, Event::OfService { .. }));
        let lanes = lanes(&sights, of_a_service);
        let number = |lane: Lane| lanes.binary_search(&lane).unwrap_or_default();
        let (mut messages, mut bars) = (Messages::default(), Bars::default());
        for (at, effect) in sights.iter().enumerate().flat_map(|(at, look)| {
            let effects = look.effects.iter();
            effects.map(move |effect| (at, effect))
        }) {
            messages.follow(at, effect);
            bars.follow(at, effect);
        }
        let marks = sights.iter().zip(history.entries()).map(|(look, entry)| Mark {
            at_us: entry.at_us,
            lane: look.lane.map(number),
            peer: look.peer.map(number),
            arrow: look.arrow,
            kind: look.kind,
            short: look.short.clone(),
            text: entry.event.to_string(),
            tx: entry.event.tx(),
        });
        Self {
            title: title.to_owned(),
            scenario: scenario.to_owned(),
            marks: marks.collect(),
            messages: messages.finish(number),
            bars: bars.finish(number),
            verdicts: verdicts(history, broken),
            lanes,
        }
    }

    /// How many arrows it has: requests, and marks that are one by themselves.
    pub fn arrows(&self) -> usize {
        let alone = self.marks.iter().filter(|mark| mark.arrow != Arrow::None).count();
        self.messages.len() + alone
    }
}

/// Every event as it is drawn, beside the coordinator that its transaction was begun at.
fn sights(history: &History) -> Vec<Look> {
    let mut homes = BTreeMap::new();
    let mut sights = Vec::with_capacity(history.entries().len());
    for event in history.events() {
        let home = event.tx().and_then(|tx| homes.get(&tx).copied());
        let look = see(event, home.unwrap_or(Place::Coordinator(0)));
        for effect in &look.effects {
            if let Effect::Began(tx, by) = *effect {
                homes.insert(tx, by);
            }
        }
        sights.push(look);
    }
    sights
}

/// The columns that a run needs, in order. Participants have no gaps between them, and a service has no
/// clients that anybody sees.
fn lanes(sights: &[Look], of_a_service: bool) -> Vec<Lane> {
    let seen = sights.iter().flat_map(|look| [look.lane, look.peer]).flatten();
    let always = [Lane::Clients, Lane::Coordinator(0), Lane::Log];
    let always = always.into_iter().filter(|lane| !of_a_service || *lane != Lane::Clients);
    let mut lanes: BTreeSet<_> = always.collect();
    lanes.extend(seen);
    if let Some(Lane::Participant(last)) = lanes.last().copied() {
        lanes.extend((0..last).map(Lane::Participant));
    }
    lanes.into_iter().collect()
}
