//! Which request had a participant do what it did.
//!
//! A history says that a branch has ended, not who was obeyed. Of the requests that ask for it and
//! were made before, the one is taken that the rest of the history fits best: one that was answered
//! afterwards before one that was still waited for, and that before one that was given up, of which
//! the latest.

use std::collections::BTreeMap;

use super::look::Act;
use super::messages::Request;
use super::parts::End;
use crate::history::{Ask, Tx};

/// Joins what was done with the requests for it.
pub(super) fn join(requests: &mut [Request], acts: &[(usize, Act)]) {
    let mut of: BTreeMap<(Tx, u8), Vec<usize>> = BTreeMap::new();
    for (number, request) in requests.iter().enumerate() {
        of.entry((request.call.tx, request.call.p)).or_default().push(number);
    }
    for (at, act) in acts {
        let numbers = of.get(&(act.tx, act.p)).map_or(&[][..], Vec::as_slice);
        let asked = |number: &&usize| {
            let request = &requests[**number];
            request.asked < *at && request.done.is_none() && asks(request.call.ask, act.ask)
        };
        let best = numbers.iter().filter(asked).min_by_key(|number| fit(&requests[**number], *at));
        if let Some(number) = best.copied() {
            requests[number].done = Some(*at);
        }
    }
}

/// Whether a request may have had this done: how a commit without a prepare ended is also asked.
fn asks(ask: Ask, done: Ask) -> bool {
    ask == done || matches!((ask, done), (Ask::OnePhase, Ask::Prepare))
}

/// The smaller, the better a request explains what was done here.
fn fit(request: &Request, at: usize) -> (u8, usize) {
    match request.closed {
        Some(closed) if closed < at => (2, usize::MAX - request.asked),
        Some(closed) if request.end == End::Heard => (0, closed),
        Some(_) | None => (1, request.asked),
    }
}
