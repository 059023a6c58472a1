//! A participant's life: from its start, through its disk's moods, to its crash.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use indoubt::Clock;

use super::control::{World, address, stranger};
use crate::bend::Drive;
use crate::disk::{Mount, SimDisk};
use crate::history::Place;
use crate::lock::lock;
use crate::parts::{Kind, Node, Parts, Serve, ServerOf, Site, Slots};
use crate::time::SimClock;

type KeptOf<P> = <<P as Parts>::Kind as Kind>::Kept;

/// What of a participant outlives its crashes, and the server while it is up.
pub(crate) struct Slot<P: Parts> {
    disk: Mutex<SimDisk>,
    /// Of servers that a standby has taken the place of.
    retired: Mutex<Vec<SimDisk>>,
    /// What an empty disk begins with, and what of it is in the history.
    kept: Mutex<KeptOf<P>>,
    /// A standby that receives nothing more.
    standby: Mutex<Option<KeptOf<P>>>,
    pub(super) prepared: Slots,
    pub(crate) server: Mutex<Option<Arc<ServerOf<P>>>>,
}

impl<P: Parts> Slot<P> {
    pub(super) fn new(disk: SimDisk, kept: KeptOf<P>) -> Self {
        Self {
            disk: Mutex::new(disk),
            retired: Mutex::default(),
            kept: Mutex::new(kept),
            standby: Mutex::default(),
            prepared: Slots::default(),
            server: Mutex::default(),
        }
    }

    /// The disk that is in use.
    pub(crate) fn disk(&self) -> SimDisk {
        lock(&self.disk).clone()
    }

    /// Every disk that was in use.
    pub(super) fn disks(&self) -> Vec<SimDisk> {
        let retired = lock(&self.retired).clone();
        retired.into_iter().chain([self.disk()]).collect()
    }

    /// From now on the standby receives nothing. False if there is no server to receive from.
    pub(super) fn cut_off_standby(&self, kind: &P::Kind) -> bool {
        let copy = lock(&self.server).as_ref().and_then(|server| kind.standby(server));
        let cut_off = copy.is_some();
        *lock(&self.standby) = copy;
        cut_off
    }

    /// The standby takes the place of the server, on a disk of its own. False if there is none.
    pub(super) fn fail_over(&self, kind: &P::Kind, to: SimDisk) -> bool {
        let Some(standby) = lock(&self.standby).take() else { return false };
        *lock(&self.kept) = kind.promoted(standby);
        let from = std::mem::replace(&mut *lock(&self.disk), to);
        lock(&self.retired).push(from);
        true
    }
}

/// One life.
pub(super) async fn live<P: Parts>(world: Arc<World<P>>, p: u8, life: u64, mount: Mount) {
    let place = Place::Participant(p);
    let mut endpoint = world.net.bind(address(place));
    let server = loop {
        let slot = &world.slots[usize::from(p)];
        let disk = Drive::new(mount.clone(), world.parts.disk_bend(place));
        let kept = lock(&slot.kept).clone();
        let site = Site {
            p,
            owner: world.owner.clone(),
            has_standby: world.scenario.fails_over(p),
            rival: world.terms.rival.then(|| stranger(&world.scenario)),
            idle: world.terms.idle,
            slots: slot.prepared.clone(),
            locks: world.locks.clone(),
            counts: world.counts.clone(),
            clock: world.clock(place),
            events: world.events.clone(),
        };
        match world.parts.kind().start(Node { site, disk, endpoint, kept }).await {
            Ok(server) => break Arc::new(server),
            Err((unused, _)) => endpoint = unused,
        }
        SimClock.sleep(Duration::from_millis(50)).await;
    };
    *lock(&world.slots[usize::from(p)].server) = Some(server.clone());
    let _error = server.run().await;
    // The supervisor has the power cut and the server started again. If it is gone, so is the run.
    let _ended = world.ends.unbounded_send((place, life));
    futures::future::pending::<()>().await;
}
