//! A participant's life: from its start, through its disk's moods, to its crash.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use indoubt::Clock;

use super::control::{World, address, lock, stranger};
use super::{Seams, SimClock};
use crate::disk::SimDisk;
use crate::history::Place;
use crate::participant::{Durable, Recorded, Server, Site};

/// What of a participant outlives its crashes, and the server while it is up.
pub(super) struct Slot<S: Seams> {
    disk: Mutex<SimDisk>,
    /// Of servers that a standby has taken the place of.
    retired: Mutex<Vec<SimDisk>>,
    /// What an empty disk begins with, and what of it is in the history.
    first: Mutex<(Durable, Recorded)>,
    /// A standby that receives nothing more.
    standby: Mutex<Option<(Durable, Recorded)>>,
    pub(super) server: Mutex<Option<Arc<Server<S::Disk>>>>,
}

impl<S: Seams> Slot<S> {
    pub(super) fn new(disk: SimDisk, first: Durable) -> Self {
        Self {
            disk: Mutex::new(disk),
            retired: Mutex::default(),
            first: Mutex::new((first, Recorded::default())),
            standby: Mutex::default(),
            server: Mutex::default(),
        }
    }

    /// The disk that is in use.
    pub(super) fn disk(&self) -> SimDisk {
        lock(&self.disk).clone()
    }

    /// Every disk that was in use.
    pub(super) fn disks(&self) -> Vec<SimDisk> {
        let retired = lock(&self.retired).clone();
        retired.into_iter().chain([self.disk()]).collect()
    }

    /// From now on the standby receives nothing. False if there is no server to receive from.
    pub(super) fn cut_off_standby(&self) -> bool {
        let copy = lock(&self.server).as_ref().map(|server| server.copy());
        let cut_off = copy.is_some();
        *lock(&self.standby) = copy;
        cut_off
    }

    /// The standby takes the place of the server, on a disk of its own. False if there is none.
    pub(super) fn fail_over(&self, to: SimDisk) -> bool {
        let Some((durable, recorded)) = lock(&self.standby).take() else { return false };
        *lock(&self.first) = (durable.promoted(), recorded);
        let from = std::mem::replace(&mut *lock(&self.disk), to);
        lock(&self.retired).push(from);
        true
    }
}

/// One life.
pub(super) async fn live<S: Seams>(world: Arc<World<S>>, p: u8, life: u64) {
    let place = Place::Participant(p);
    let idle = match world.ordered {
        Some(_) => super::ordered::NEVER,
        None => Duration::from_millis(4 * world.scenario.deadline_ms),
    };
    let mut endpoint = world.net.bind(address(place));
    let server = loop {
        let slot = &world.slots[usize::from(p)];
        let disk = world.seams.disk(slot.disk().mount(), place);
        let (first, recorded) = lock(&slot.first).clone();
        let site = Site {
            p,
            owner: world.owner.clone(),
            has_standby: world.scenario.fails_over(p),
            rival: world.ordered.is_none().then(|| stranger(&world.scenario)),
            idle,
            recorded,
            events: world.events.clone(),
        };
        match Server::start(site, disk, first, endpoint).await {
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
