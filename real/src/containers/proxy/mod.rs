//! A TCP proxy between a client and a server that breaks the connection at an exact message.
//!
//! Two-phase commit is decided in the moments between a statement, its execution and its
//! reply. The proxy reads the client's stream of Postgres messages and acts when the server
//! is about to be asked to execute a statement that starts with a given text; no timing and
//! no luck are involved, and no privileges are needed.
//!
//! Deliberately absent: encryption (the server is asked for none, so the stream is legible),
//! and a choice of connection (a rule watches all of them).

mod connection;
mod not_fired;
mod nth;
mod statements;
#[cfg(test)]
mod tests;
mod wire;

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

pub use not_fired::NotFired;
pub use nth::{Deed, Passed, Way};

/// How long a rule is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A proxy on a port of 127.0.0.1 of its own, forwarding until told otherwise.
///
/// It has at most one rule; setting another replaces it. A rule fires at the first statement
/// whose text starts with the rule's (leading white space and letter case aside), then is
/// spent, unless [`Self::keep_firing`] was called. The statement counts when it is about to
/// be *executed*, by simple query or by extended protocol, not when it is only parsed.
///
/// # What a branch sends
/// A [`Postgres`](crate::Postgres) sends these in this order, and the user's own statements in
/// between. A text of several statements is one to a rule, and begins with its first.
///
/// | statement | when |
/// |---|---|
/// | `BEGIN ISOLATION LEVEL READ COMMITTED; SELECT …; COMMIT` | the session is looked at, before the branch |
/// | `BEGIN; SET LOCAL indoubt.branch = …` | the branch begins |
/// | `SELECT pg_catalog.current_setting('indoubt.branch', …` | a commit begins: has the branch written? |
/// | `PREPARE TRANSACTION '…'` | the vote of one that has written, of two or more |
/// | `COMMIT` | the vote of one that only read, of two or more; the commit of one that is alone |
/// | `SET LOCAL synchronous_commit = local; COMMIT` | the same, alone, where `synchronous_commit` is off |
/// | `SELECT control.system_identifier, …` | right behind a prepare, and behind the commit of one that wrote: what came of it? |
/// | `COMMIT PREPARED '…'` | the second phase, after the decision; by recovery, too |
/// | `ROLLBACK PREPARED '…'` | the abort of a branch that was prepared; by recovery, too |
/// | `ROLLBACK` | the abort of one that was not, also when its transaction is dropped |
///
/// The first branch of a handle, and `Postgres::check`, ask the server before with `SELECT`s of
/// their own. Sessions of recovery begin with `SET search_path`, and list what is prepared with
/// `SELECT pg_catalog.pg_is_in_recovery(), prepared.gid`.
///
/// As a rule is the beginning of a statement, `COMMIT` also means `COMMIT PREPARED`, and `ROLLBACK`
/// also `ROLLBACK PREPARED`. `BEGIN;` means a branch's own, and `BEGIN` the look before it too.
///
/// # Every message
/// [`Self::count`] and [`Self::strike`] go by numbers instead, for whoever tries every message in turn.
///
/// While the server is down, clients are accepted, then closed. Dropping the proxy cuts
/// every connection.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: watch::Sender<State>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    rule: Option<Rule>,
    fired: u64,
    /// How often it was healed: what waits for healing waits for this to grow.
    heals: u64,
    /// How often it was cut: a connection ends when this grows.
    cuts: u64,
    partitioned: bool,
    count: nth::Count,
}

#[derive(Debug)]
struct Rule {
    text: String,
    fault: Fault,
    keeps_firing: bool,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    CutBefore,
    CutAfterReply,
    Swallow,
    Hold,
}

impl Proxy {
    /// Starts a proxy for the server on this port of 127.0.0.1.
    pub async fn start(target_port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let state = watch::Sender::new(State::default());
        let accepting = tokio::spawn(accept(listener, target_port, state.clone()));
        Ok(Self { port, state, accepting })
    }

    /// The port of 127.0.0.1 to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts the connection both ways instead of forwarding the statement: the server never
    /// sees it.
    pub fn cut_before(&self, statement: &str) {
        self.set(Fault::CutBefore, statement);
    }

    /// Forwards the statement, then cuts the connection when the server has answered it,
    /// without passing the answer on: it is done, and the client does not know.
    pub fn cut_after_reply(&self, statement: &str) {
        self.set(Fault::CutAfterReply, statement);
    }

    /// Drops the statement and all that follows it on its connection, which stays open and
    /// silent until [`Self::heal`] cuts it: the server never sees it.
    pub fn swallow(&self, statement: &str) {
        self.set(Fault::Swallow, statement);
    }

    /// Keeps the statement, with the connection open and silent, and delivers it at
    /// [`Self::heal`], even if the client has gone away by then: a commit comes late.
    pub fn hold(&self, statement: &str) {
        self.set(Fault::Hold, statement);
    }

    /// Makes the rule just set fire every time, until another is set or [`Self::heal`].
    pub fn keep_firing(&self) {
        self.state.send_modify(|state| {
            if let Some(rule) = &mut state.rule {
                rule.keeps_firing = true;
            }
        });
    }

    /// Cuts every connection that there is, as when a client's process dies; new ones work as
    /// before, and a rule is kept.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// Cuts every connection, and every new one, until [`Self::heal`].
    pub fn partition(&self) {
        self.state.send_modify(|state| state.partitioned = true);
    }

    /// Ends every fault: the rule is removed, what was held is delivered, swallowed
    /// connections are cut, new connections work.
    pub fn heal(&self) {
        self.state.send_modify(|state| {
            state.rule = None;
            state.count.heal();
            state.partitioned = false;
            state.heals += 1;
        });
    }

    /// Whether the rule last set has fired.
    pub fn fired(&self) -> bool {
        self.state.borrow().fired > 0
    }

    /// Waits until the rule last set has fired.
    ///
    /// # Errors
    /// [`NotFired`] after a minute, and at once when there is no rule that could fire, or none any
    /// more.
    pub async fn until_fired(&self) -> Result<(), NotFired> {
        self.fires_within(PATIENCE).await
    }

    async fn fires_within(&self, limit: Duration) -> Result<(), NotFired> {
        let mut states = self.state.subscribe();
        let settled = states.wait_for(|state| state.fired > 0 || state.rule.is_none());
        // Whichever it was is read below; what was waited with holds a lock.
        drop(timeout(limit, settled).await);
        let state = self.state.borrow();
        match &state.rule {
            _ if state.fired > 0 => Ok(()),
            None => Err(NotFired::NoRule),
            Some(Rule { text, .. }) => {
                Err(NotFired::NoStatement { rule: text.clone(), waited: limit })
            }
        }
    }

    fn set(&self, fault: Fault, statement: &str) {
        let rule = Rule { text: statement.trim_start().to_owned(), fault, keeps_firing: false };
        self.state.send_modify(|state| {
            state.rule = Some(rule);
            state.fired = 0;
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    /// What the rule does to this statement, if anything.
    fn strike(&mut self, statement: &str) -> Option<Fault> {
        let rule = self.rule.take_if(|rule| rule.matches(statement))?;
        let fault = rule.fault;
        self.fired += 1;
        if rule.keeps_firing {
            self.rule = Some(rule);
        }
        Some(fault)
    }
}

impl Rule {
    fn matches(&self, statement: &str) -> bool {
        let start = statement.trim_start().as_bytes().get(..self.text.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(self.text.as_bytes()))
    }
}

/// Owns the connections, so that aborting it cuts them all.
async fn accept(listener: TcpListener, target_port: u16, state: watch::Sender<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // An error here is the client's, which has gone away before it was accepted.
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                connections.spawn(connection::serve(client, target_port, state.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
