//! A participant's life: from its start, through its disk's moods, to its crash.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use indoubt::Clock;

use super::control::{World, address, lock, stranger};
use super::{Seams, SimClock};
use crate::disk::SimDisk;
use crate::history::Place;
use crate::participant::{Recorded, Server, Site};
use crate::workload::seeded_rows;

/// What of a participant outlives its crashes, and the server while it is up.
pub(super) struct Slot<S: Seams> {
    pub(super) disk: SimDisk,
    pub(super) recorded: Recorded,
    pub(super) server: Mutex<Option<Arc<Server<S::Disk>>>>,
}

/// One life.
pub(super) async fn live<S: Seams>(world: Arc<World<S>>, p: u8, life: u64) {
    let place = Place::Participant(p);
    let rows = seeded_rows(&world.scenario, p);
    let idle = match world.ordered {
        Some(_) => super::ordered::NEVER,
        None => Duration::from_millis(4 * world.scenario.deadline_ms),
    };
    let mut endpoint = world.net.bind(address(place));
    let server = loop {
        let slot = &world.slots[usize::from(p)];
        let disk = world.seams.disk(slot.disk.mount(), place);
        let site = Site {
            p,
            owner: world.owner.clone(),
            rival: world.ordered.is_none().then(|| stranger(&world.scenario)),
            idle,
            recorded: slot.recorded.clone(),
            events: world.events.clone(),
        };
        match Server::start(site, disk, &rows, endpoint).await {
            Ok(server) => break Arc::new(server),
            Err((unused, _)) => endpoint = unused,
        }
        SimClock.sleep(Duration::from_millis(50)).await;
    };
    *lock(&world.slots[usize::from(p)].server) = Some(server.clone());
    let _error = server.run().await;
    // The supervisor has the power cut and the server started again. If it is gone, so is the run.
    let _ended = world.panics.unbounded_send((p, life));
    futures::future::pending::<()>().await;
}
