//! The second half of a run: without faults everything comes to rest, and is looked at.

use std::sync::Arc;
use std::time::Duration;

use indoubt::{Clock, Coordinator, DecisionLog, Gid, LogError};

use super::control::{Current, World, stranger};
use crate::history::{Event, Place, Tx};
use crate::lock::lock;
use crate::parts::{Kind, Parts, Serve};
use crate::time::SimClock;
use crate::workload::{ask, sweep};

/// Without faults and without restarts, but for that of a coordinator that is fenced and asks for it,
/// everything must come to rest, and stay so for as long as late messages can still arrive.
pub(super) async fn come_to_rest<P: Parts>(world: &Arc<World<P>>) -> bool {
    let scenario = &world.scenario;
    // What is still to be begun takes its own time: each transaction at most a pause and a
    // deadline for each of its steps.
    let left = if scenario.traffic.is_some() { 0 } else { scenario.transactions };
    let turns = left / u32::from(scenario.clients) + 1;
    let backlog = Duration::from_millis(scenario.think_ms + 12 * scenario.deadline_ms) * turns;
    let bound = world.events.now() + backlog + Duration::from_millis(scenario.rest_within_ms);
    let pause = Duration::from_millis(100);
    let quiet = Duration::from_millis(
        scenario.two_rounds_ms() + scenario.network.reorder_ms + scenario.held_back_ms(),
    );
    let mut since = None;
    while world.events.now() < bound {
        if at_rest(world).await {
            let since = *since.get_or_insert(world.events.now());
            if world.events.now() >= since + quiet {
                return true;
            }
        } else {
            since = None;
        }
        SimClock.sleep(pause).await;
    }
    false
}

async fn at_rest<P: Parts>(world: &Arc<World<P>>) -> bool {
    let Some(Current { coordinator, log, witness, .. }) = lock(&world.current).clone() else {
        return false;
    };
    let mut participants = true;
    for slot in &world.slots {
        let server = lock(&slot.server).clone();
        participants &= match server {
            Some(server) => server.at_rest().await,
            None => false,
        };
    }
    let unfinished = match log.unfinished().await {
        Ok(unfinished) => unfinished,
        Err(LogError::Fenced { .. }) => {
            world.stop_fenced(witness.by());
            return false;
        }
        Err(LogError::Unreadable { .. }) => return false,
    };
    for commit in &unfinished {
        acknowledge(world, &coordinator, &commit.gid).await;
    }
    world.backlog.is_empty(world.scenario.transactions) && participants && unfinished.is_empty()
}

/// The operator sees to a transaction with a branch that cannot say how it ended, once everything
/// else has had its time.
async fn acknowledge<P: Parts>(world: &World<P>, coordinator: &Coordinator, gid: &Gid) {
    let hazard = lock(&world.hazards).contains(gid);
    if hazard && world.backlog.is_empty(world.scenario.transactions) {
        world.events.record(Event::Acknowledged { tx: Tx::of(gid) });
        // If it could not be carried out yet, it is tried again.
        let _tried = coordinator.acknowledge(gid).await;
    }
}

/// Asks what became of every transaction, and looks at what everything holds.
pub(super) async fn close<P: Parts>(world: &World<P>, rested: bool) {
    let current = lock(&world.current).clone();
    if let Some(Current { coordinator, log, witness, .. }) = current {
        for gid in world.backlog.asked() {
            ask(&coordinator, &gid, &witness).await;
        }
        sweep(&coordinator, &witness).await;
        for commit in log.unfinished().await.unwrap_or_default() {
            world.events.record(Event::StillUnfinished { tx: Tx::of(&commit.gid) });
        }
    }
    if rested {
        let from = || {
            let endpoint = world.net.bind(stranger(&world.scenario));
            world.parts.kind().line(Place::Coordinator(0), endpoint, 0)
        };
        for event in world.parts.look(from).await {
            world.events.record(event);
        }
    }
    for slot in &world.slots {
        let server = lock(&slot.server).clone();
        if let Some(server) = server {
            for event in server.remains().await {
                world.events.record(event);
            }
        }
    }
    world.events.record(if rested { Event::Quiesced } else { Event::Overran });
}
