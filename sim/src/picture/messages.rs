//! Requests and what became of them: who was asked, what was done of it, what was heard.
//!
//! A history does not number its messages. A request and its answer are told by the transaction, the
//! participant, who asks and for what; the oldest that is open is answered first, and none outlives
//! the process that asked.

use std::collections::{BTreeMap, VecDeque};

use super::answers::join;
use super::lane::Lane;
use super::look::{Act, Call, Effect};
use super::parts::{End, Message};
use crate::history::{Heard, Place};

/// A request, before lanes have numbers.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) call: Call,
    pub(super) asked: usize,
    pub(super) done: Option<usize>,
    pub(super) closed: Option<usize>,
    pub(super) end: End,
}

/// The requests so far.
#[derive(Debug, Default)]
pub(super) struct Messages {
    all: Vec<Request>,
    /// What is waited for, by number.
    open: BTreeMap<Call, VecDeque<usize>>,
    /// What participants did, with the mark of it.
    acts: Vec<(usize, Act)>,
}

impl Messages {
    pub(super) fn follow(&mut self, at: usize, effect: &Effect) {
        match *effect {
            Effect::Asks(call) => self.ask(at, call),
            Effect::Hears(call, Heard::Lost) => self.close(at, call, End::Refused),
            Effect::Hears(call, _) => self.close(at, call, End::Heard),
            Effect::GivesUp(call) => self.close(at, call, End::GaveUp),
            Effect::Does(act) => self.acts.push((at, act)),
            Effect::Dies(place) => self.die(at, place),
            Effect::Began(..) | Effect::Opens(_) | Effect::Closes(_) | Effect::Holds(..) => {}
        }
    }

    fn ask(&mut self, asked: usize, call: Call) {
        self.open.entry(call).or_default().push_back(self.all.len());
        self.all.push(Request { call, asked, done: None, closed: None, end: End::Never });
    }

    fn close(&mut self, at: usize, call: Call, end: End) {
        let Some(number) = self.open.get_mut(&call).and_then(VecDeque::pop_front) else { return };
        self.end(number, at, end);
    }

    fn die(&mut self, at: usize, place: Place) {
        let died = self.open.iter_mut().filter(|(call, _)| call.by == place);
        let numbers: Vec<_> = died.flat_map(|(_, open)| std::mem::take(open)).collect();
        for number in numbers {
            self.end(number, at, End::Died);
        }
    }

    fn end(&mut self, number: usize, at: usize, end: End) {
        if let Some(request) = self.all.get_mut(number) {
            request.closed = Some(at);
            request.end = end;
        }
    }

    /// All of them, joined with what was done.
    pub(super) fn finish(mut self, number: impl Fn(Lane) -> usize) -> Vec<Message> {
        join(&mut self.all, &self.acts);
        let message = |request: Request| Message {
            tx: request.call.tx,
            p: request.call.p,
            by: request.call.by,
            ask: request.call.ask,
            from: number(Lane::of(request.call.by)),
            to: number(Lane::Participant(request.call.p)),
            asked: request.asked,
            done: request.done,
            closed: request.closed,
            end: request.end,
        };
        self.all.into_iter().map(message).collect()
    }
}
