//! The second half of a run: without faults everything comes to rest, and is looked at.

use std::sync::Arc;
use std::time::Duration;

use indoubt::{Clock, DecisionLog, Gid};

use super::control::{World, lock};
use super::coordinator::Process;
use super::{Seams, SimClock};
use crate::history::Event;
use crate::workload::{ask, tx};

/// Without faults and without restarts, everything must come to rest, and
/// stay so for as long as late messages can still arrive.
pub(super) async fn come_to_rest<S: Seams>(world: &Arc<World<S>>) -> bool {
    let scenario = &world.scenario;
    // What is still to be begun takes its own time: each transaction at most a pause and a
    // deadline for each of its steps.
    let left = if scenario.traffic.is_some() { 0 } else { scenario.transactions };
    let turns = left / u32::from(scenario.clients) + 1;
    let backlog = Duration::from_millis(scenario.think_ms + 12 * scenario.deadline_ms) * turns;
    let bound = world.events.now() + backlog + Duration::from_millis(scenario.rest_within_ms);
    let pause = Duration::from_millis(100);
    let quiet = Duration::from_millis(
        2 * scenario.recovery_ms + scenario.network.reorder_ms + 2 * scenario.deadline_ms,
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

async fn at_rest<S: Seams>(world: &World<S>) -> bool {
    let Some(process) = lock(&world.current).clone() else { return false };
    let participants = world
        .slots
        .iter()
        .all(|slot| lock(&slot.server).as_ref().is_some_and(|server| server.at_rest()));
    let Ok(unfinished) = process.coordinator.log().unfinished().await else { return false };
    for commit in &unfinished {
        acknowledge(world, &process, &commit.gid).await;
    }
    world.backlog.is_empty(world.scenario.transactions) && participants && unfinished.is_empty()
}

/// The operator sees to a transaction with a branch that cannot say how it ended, once everything
/// else has had its time.
async fn acknowledge<S: Seams>(world: &World<S>, process: &Process<S>, gid: &Gid) {
    let hazard = lock(&world.hazards).contains(gid);
    if hazard && world.backlog.is_empty(world.scenario.transactions) {
        world.events.record(Event::Acknowledged { tx: tx(gid) });
        // If it could not be carried out yet, it is tried again.
        let _tried = process.coordinator.acknowledge(gid).await;
    }
}

/// Asks what became of every transaction, and looks at what everything holds.
pub(super) async fn close<S: Seams>(world: &World<S>, rested: bool) {
    let current = lock(&world.current).clone();
    if let Some(process) = current {
        for gid in world.backlog.asked() {
            ask(&process.coordinator, &gid, &world.events).await;
        }
        for commit in process.coordinator.log().unfinished().await.unwrap_or_default() {
            world.events.record(Event::StillUnfinished { tx: tx(&commit.gid) });
        }
    }
    for slot in &world.slots {
        let server = lock(&slot.server).clone();
        for event in server.iter().flat_map(|server| server.remains()) {
            world.events.record(event);
        }
    }
    world.events.record(if rested { Event::Quiesced } else { Event::Overran });
}
