//! Striking a message by its number: for whoever goes through all of them, one after the other.
//!
//! A rule names a statement; this names a place in the order of everything that passes, logins and
//! replies included. A request is all that a client sends up to where the server owes it an answer,
//! and a reply is all of that answer: what is in between are no moments of its own, for a server
//! carries out a request as one.
//!
//! Not counted are the farewell of a client that closes its session, and what it says while it logs in.

use super::{PATIENCE, Proxy, State};
use std::time::Duration;

use tokio::time::timeout;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It is not delivered, and the connection is cut.
    CutBefore,
    /// It is delivered, and the connection is cut behind it: of a request nobody waits for the answer,
    /// and the server may be still at it.
    CutAfter,
    /// It is delivered, and is the last that goes its way: its receiver sees the connection closed by
    /// the other side, and what the receiver says still passes.
    HalfClose,
    /// It is delivered so much later, even if its sender has gone away by then.
    Delay(Duration),
    /// It is kept, with the connection open and silent, until [`Proxy::heal`]; then the connection is
    /// cut, and the message is never delivered. Whoever strikes it has time to kill one of the two sides.
    Keep,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A request, to the server.
    Request,
    /// A reply, to the client.
    Reply,
}

/// A message that came to be passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Which way it goes.
    pub way: Way,
    /// What the request asks for, or what the reply is the answer to: the beginning of a statement, or
    /// `login`.
    pub about: String,
}

/// What has passed since somebody began to count.
#[derive(Debug, Default)]
pub(super) struct Count {
    counts: bool,
    passed: Vec<Passed>,
    strikes: Option<(Way, usize, Deed)>,
    struck: Option<Passed>,
}

impl Count {
    fn from_now(strikes: Option<(Way, usize, Deed)>) -> Self {
        Self { counts: true, strikes, ..Self::default() }
    }

    /// Counts a message, and tells what becomes of it, if not what becomes of all.
    pub(super) fn pass(&mut self, way: Way, about: &str) -> Option<Deed> {
        if !self.counts {
            return None;
        }
        let nth = self.passed.iter().filter(|passed| passed.way == way).count();
        self.passed.push(Passed { way, about: about.to_owned() });
        let (_, _, deed) = self.strikes.take_if(|(which, at, _)| (*which, *at) == (way, nth))?;
        self.struck = self.passed.last().cloned();
        Some(deed)
    }

    /// Nothing is struck any more.
    pub(super) fn heal(&mut self) {
        self.strikes = None;
    }
}

impl Proxy {
    /// Counts what passes, from now on and from 0, on all connections.
    pub fn count(&self) {
        self.state.send_modify(|state| state.count = Count::from_now(None));
    }

    /// What has passed since then, in order.
    pub fn counted(&self) -> Vec<Passed> {
        self.state.borrow().count.passed.clone()
    }

    /// Counts from now on, and does this to the `nth` message that goes this way, from 0;
    /// [`Self::heal`] takes it back.
    pub fn strike(&self, way: Way, nth: usize, deed: Deed) {
        self.state.send_modify(|state| state.count = Count::from_now(Some((way, nth, deed))));
    }

    /// The message that was struck, if it has come.
    pub fn struck(&self) -> Option<Passed> {
        self.state.borrow().count.struck.clone()
    }

    /// Waits until the message to be struck has come: `None` after a minute.
    pub async fn until_struck(&self) -> Option<Passed> {
        let mut states = self.state.subscribe();
        let has_come = states.wait_for(|state: &State| state.count.struck.is_some());
        drop(timeout(PATIENCE, has_come).await);
        self.struck()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_the_number_is_struck_and_no_other() {
        let mut count = Count::default();
        assert_eq!(count.pass(Way::Request, "login"), None);
        assert_eq!(count.passed, []);
        count = Count::from_now(Some((Way::Reply, 0, Deed::Keep)));
        assert_eq!(count.pass(Way::Request, "login"), None);
        assert_eq!(count.pass(Way::Reply, "login"), Some(Deed::Keep));
        assert_eq!(count.pass(Way::Request, "BEGIN"), None);
        let login = Passed { way: Way::Reply, about: "login".to_owned() };
        assert_eq!((count.struck, count.passed.len()), (Some(login), 3));
    }
}
