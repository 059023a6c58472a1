//! One connection through the proxy: two pumps that end together.
//!
//! Returning from here drops both sockets; that is what a cut is.

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::statements::Statements;
use super::wire::{self, EXECUTE};
use super::{Fault, State};

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
    server.write_all(&startup).await?;

    let rounds = Rounds { asked: AtomicU64::new(1), lost: AtomicU64::new(0) };
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::select! {
        end = requests(from_client, to_server, state, &rounds) => end,
        end = replies(from_server, to_client, &rounds) => end,
    }
}

/// Rounds of request and reply, numbered from 1, the login. Clients may ask ahead, so a
/// reply is told from earlier ones by counting: every round ends with one `ReadyForQuery`.
struct Rounds {
    asked: AtomicU64,
    /// The round whose reply is to be lost, or 0.
    lost: AtomicU64,
}

async fn requests(
    mut client: ReadHalf<'_>,
    mut server: WriteHalf<'_>,
    state: &watch::Sender<State>,
    rounds: &Rounds,
) -> io::Result<()> {
    let mut statements = Statements::default();
    while let Some(message) = wire::read(&mut client).await? {
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

async fn replies(
    mut server: ReadHalf<'_>,
    mut client: WriteHalf<'_>,
    rounds: &Rounds,
) -> io::Result<()> {
    let mut round = 1;
    while let Some(message) = wire::read(&mut server).await? {
        let lost = round == rounds.lost.load(Ordering::Relaxed);
        if !lost {
            client.write_all(&message.bytes).await?;
        }
        if message.is_ready_for_query() {
            if lost {
                return Ok(());
            }
            round += 1;
        }
    }
    Ok(())
}
