//! What lasts, from where it begins to where it ends.

use std::collections::BTreeMap;

use super::lane::Lane;
use super::look::{Effect, Span};
use super::parts::{Bar, BarKind};
use crate::history::{Place, Tx};

/// The bars so far.
#[derive(Debug, Default)]
pub(super) struct Bars {
    all: Vec<(Span, usize, Option<usize>)>,
    /// Those that last, by number.
    open: BTreeMap<Span, usize>,
}

impl Bars {
    pub(super) fn follow(&mut self, at: usize, effect: &Effect) {
        match *effect {
            Effect::Opens(span) => self.open(at, span),
            Effect::Closes(span) => self.close(at, span),
            Effect::Holds(kind, lane, ref txs) => self.hold(at, kind, lane, txs),
            Effect::Dies(place) => self.die(at, place),
            Effect::Began(..)
            | Effect::Asks(_)
            | Effect::Hears(..)
            | Effect::GivesUp(_)
            | Effect::Does(_) => {}
        }
    }

    /// What lasts already goes on.
    fn open(&mut self, at: usize, span: Span) {
        if !self.open.contains_key(&span) {
            self.open.insert(span, self.all.len());
            self.all.push((span, at, None));
        }
    }

    fn close(&mut self, at: usize, span: Span) {
        if let Some((_, _, until)) = self.open.remove(&span).and_then(|n| self.all.get_mut(n)) {
            *until = Some(at);
        }
    }

    fn hold(&mut self, at: usize, kind: BarKind, lane: Lane, txs: &[Tx]) {
        let there = |span: &&Span| span.kind == kind && span.lane == lane;
        let gone = |span: &&Span| span.tx.is_none_or(|tx| !txs.contains(&tx));
        let gone: Vec<_> = self.open.keys().filter(there).filter(gone).copied().collect();
        for span in gone {
            self.close(at, span);
        }
        for tx in txs {
            self.open(at, Span { kind, lane, peer: None, tx: Some(*tx) });
        }
    }

    /// A force is over when whoever forced is gone. What is durable stays.
    fn die(&mut self, at: usize, place: Place) {
        let of = |span: &&Span| span.kind == BarKind::Forcing && span.peer == Some(Lane::of(place));
        let gone: Vec<_> = self.open.keys().filter(of).copied().collect();
        for span in gone {
            self.close(at, span);
        }
    }

    pub(super) fn finish(self, number: impl Fn(Lane) -> usize) -> Vec<Bar> {
        let bar = |(span, from, until): (Span, usize, Option<usize>)| Bar {
            kind: span.kind,
            lane: number(span.lane),
            peer: span.peer.map(&number),
            tx: span.tx,
            from,
            until,
        };
        self.all.into_iter().map(bar).collect()
    }
}
