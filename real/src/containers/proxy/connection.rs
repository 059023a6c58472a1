//! One connection through the proxy: two pumps that end together.
//!
//! Returning from here drops both sockets; that is what a cut is.

use std::collections::VecDeque;
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::sleep;

use super::nth::{Deed, Way};
use super::statements::Statements;
use super::wire::{self, EXECUTE, Message};
use super::{Fault, State};

/// What the first round is about.
const LOGIN: &str = "login";

/// How much of a statement is kept to tell what a round is about.
const TOLD: usize = 48;

/// Forwards until a side closes, a fault cuts, or the proxy is cut or partitioned.
pub(super) async fn serve(client: TcpStream, target_port: u16, state: watch::Sender<State>) {
    let mut watched = state.subscribe();
    let cuts = watched.borrow().cuts;
    tokio::select! {
        _ = watched.wait_for(|state| state.partitioned || state.cuts > cuts) => {}
        // An input or output error ends a connection just as closing does.
        _ = relay(client, target_port, &state) => {}
    }
}

async fn relay(
    mut client: TcpStream,
    target_port: u16,
    state: &watch::Sender<State>,
) -> io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, target_port)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let startup = wire::read_startup(&mut client).await?;
    let struck = pass(state, Way::Request, LOGIN);
    if is_lost(state, struck).await {
        return Ok(());
    }
    server.write_all(&startup).await?;
    match struck {
        Some(Deed::CutAfter) => return Ok(()),
        Some(Deed::HalfClose) => server.shutdown().await?,
        _ => {}
    }

    let rounds = Rounds::new();
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::select! {
        end = requests(from_client, to_server, state, &rounds) => end,
        end = replies(from_server, to_client, state, &rounds) => end,
    }
}

/// Rounds of request and reply, numbered from 1, the login. Clients may ask ahead, so a
/// reply is told from earlier ones by counting: every round ends with one `ReadyForQuery`.
struct Rounds {
    asked: AtomicU64,
    /// The round whose reply is to be lost, or 0.
    lost: AtomicU64,
    /// What each round is about that has not been answered.
    about: Mutex<VecDeque<String>>,
}

impl Rounds {
    fn new() -> Self {
        let about = Mutex::new(VecDeque::from([LOGIN.to_owned()]));
        Self { asked: AtomicU64::new(1), lost: AtomicU64::new(0), about }
    }

    fn about(&self) -> std::sync::MutexGuard<'_, VecDeque<String>> {
        // Whole after every statement.
        self.about.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn requests(
    mut client: ReadHalf<'_>,
    mut server: WriteHalf<'_>,
    state: &watch::Sender<State>,
    rounds: &Rounds,
) -> io::Result<()> {
    let mut statements = Statements::default();
    // What becomes of the request whose messages are passing, if it has begun.
    let mut request: Option<Option<Deed>> = None;
    while let Some(message) = wire::read(&mut client).await? {
        if request.is_none() && message.begins_a_request() {
            let about = statements.named_by(&message).unwrap_or_default();
            let about: String = about.chars().take(TOLD).collect();
            let deed = pass(state, Way::Request, &about);
            rounds.about().push_back(about);
            request = Some(deed);
            if is_lost(state, deed).await {
                return Ok(());
            }
        }
        let statement = statements.executed_by(&message);
        let mut round = rounds.asked.load(Ordering::Relaxed);
        if message.asks_for_reply() {
            round += 1;
            rounds.asked.store(round, Ordering::Relaxed);
        }
        let mut healed = state.subscribe();
        let heals = healed.borrow().heals;
        match statement.and_then(|statement| strike(state, statement)) {
            None => {}
            Some(Fault::CutBefore) => return Ok(()),
            Some(Fault::CutAfterReply) => {
                // The round of an `Execute` begins with the `Sync` that is still to come.
                let lost = if message.tag == EXECUTE { round + 1 } else { round };
                rounds.lost.store(lost, Ordering::Relaxed);
            }
            Some(fault @ (Fault::Swallow | Fault::Hold)) => {
                let _ = healed.wait_for(|state| state.heals > heals).await;
                if matches!(fault, Fault::Swallow) {
                    return Ok(());
                }
            }
        }
        server.write_all(&message.bytes).await?;
        if message.asks_for_reply() {
            match request.take().flatten() {
                Some(Deed::CutAfter) => return Ok(()),
                Some(Deed::HalfClose) => server.shutdown().await?,
                _ => {}
            }
        }
    }
    Ok(())
}

fn strike(state: &watch::Sender<State>, statement: &str) -> Option<Fault> {
    let mut fault = None;
    state.send_if_modified(|state| {
        fault = state.strike(statement);
        fault.is_some()
    });
    fault
}

fn pass(state: &watch::Sender<State>, way: Way, about: &str) -> Option<Deed> {
    let mut deed = None;
    state.send_if_modified(|state| {
        deed = state.count.pass(way, about);
        deed.is_some()
    });
    deed
}

/// Keeps a message for as long as it is to be kept; whether it is not to be delivered after that.
async fn is_lost(state: &watch::Sender<State>, deed: Option<Deed>) -> bool {
    match deed {
        Some(Deed::CutBefore) => true,
        Some(Deed::Keep) => {
            let mut healed = state.subscribe();
            let heals = healed.borrow_and_update().heals;
            let _ = healed.wait_for(|state| state.heals > heals).await;
            true
        }
        Some(Deed::Delay(time)) => {
            sleep(time).await;
            false
        }
        Some(Deed::CutAfter | Deed::HalfClose) | None => false,
    }
}

async fn replies(
    mut server: ReadHalf<'_>,
    mut client: WriteHalf<'_>,
    state: &watch::Sender<State>,
    rounds: &Rounds,
) -> io::Result<()> {
    let mut round = 1;
    // All of a reply that is struck: it is known then that the server has done what it was asked.
    let mut reply: Vec<Message> = Vec::new();
    let mut struck: Option<Option<Deed>> = None;
    while let Some(message) = wire::read(&mut server).await? {
        let lost = round == rounds.lost.load(Ordering::Relaxed);
        let ends = message.is_ready_for_query();
        // Much is said to and fro in a login, whose end alone is struck.
        if struck.is_none() && (round > 1 || ends) {
            let about = rounds.about().pop_front().unwrap_or_default();
            struck = Some(pass(state, Way::Reply, &about));
        }
        let deed = struck.flatten();
        if !lost {
            if deed.is_some() {
                reply.push(message);
            } else {
                client.write_all(&message.bytes).await?;
            }
        }
        if !ends {
            continue;
        }
        if lost || is_lost(state, deed).await {
            return Ok(());
        }
        for message in reply.drain(..) {
            client.write_all(&message.bytes).await?;
        }
        match deed {
            Some(Deed::CutAfter) => return Ok(()),
            Some(Deed::HalfClose) => client.shutdown().await?,
            _ => {}
        }
        struck = None;
        round += 1;
    }
    Ok(())
}
