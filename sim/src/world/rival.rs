//! Another process under the coordinator's id, over a directory of its own: a second replica that was
//! given the same configuration, or the first one after its volume was lost.
//!
//! It is idle but for its sweeps, which meet the prepared branches of the coordinator under test. It
//! is told apart by its address, and a participant that it makes end such a branch says so. Nothing
//! else of it is in the history, for its epochs and numbers are those of another log.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use indoubt::{Clock, Coordinator};
use indoubt_real::log::{FileLog, Options};
use madsim::runtime::Handle;
use madsim::task::NodeId;

use super::control::{World, address, lock, stranger};
use super::{Seams, SimClock, Watched, Witness, coordinator};
use crate::disk::SimDisk;
use crate::history::{Event, Place};
use crate::participant::{Rpc, SimParticipant};

/// The other process's machine.
pub(super) struct Rival {
    pub(super) disk: SimDisk,
    node: NodeId,
    up: Mutex<bool>,
}

impl Rival {
    pub(super) fn new(disk: SimDisk) -> Self {
        let node = Handle::current().create_node().name("rival").build().id();
        Self { disk, node, up: Mutex::default() }
    }
}

impl<S: Seams> World<S> {
    /// Brings it up, unless it is.
    pub(super) fn start_rival(self: &Arc<Self>) -> bool {
        if std::mem::replace(&mut *lock(&self.rival.up), true) {
            return false;
        }
        self.events.record(Event::RivalStarted);
        if let Some(node) = Handle::current().get_node(self.rival.node) {
            node.spawn(live(self.clone()));
        }
        true
    }

    /// Kills it, if it is up. What it wrote is the kernel's.
    pub(super) fn stop_rival(&self) {
        if !std::mem::take(&mut *lock(&self.rival.up)) {
            return;
        }
        self.net.kill(stranger(&self.scenario));
        self.rival.disk.crash();
        Handle::current().kill(self.rival.node);
        Handle::current().restart(self.rival.node);
    }
}

async fn live<S: Seams>(world: Arc<World<S>>) {
    let rpc = Rpc::new(world.net.bind(stranger(&world.scenario)), 0);
    madsim::task::spawn(rpc.clone().dispatch());
    // Nobody reads what passes at its edges.
    let witness = Witness::new(Place::Coordinator(0), world.events.clone());
    witness.end();
    let log = world.seams.log(open(&world, &witness).await);
    let mut builder = Coordinator::builder(log, SimClock).deadlines(coordinator::deadlines(&world));
    for p in 0..world.scenario.participants {
        let node = address(Place::Participant(p));
        let participant = SimParticipant::new(p, node, rpc.clone(), witness.clone());
        builder = builder.participant(world.seams.participant(participant));
    }
    let Ok((coordinator, driver)) = builder.build() else { return };
    driver.run().await;
    drop(coordinator);
}

async fn open<S: Seams>(world: &World<S>, witness: &Witness) -> Watched<FileLog<S::Disk>> {
    loop {
        let disk = world.seams.disk(world.rival.disk.mount(), witness.by());
        let opened = FileLog::open(disk, world.owner.clone(), Options::default()).await;
        if let Ok(log) = opened
            && let Ok(watched) = Watched::opened(log, witness.clone()).await
        {
            return watched;
        }
        SimClock.sleep(Duration::from_millis(50)).await;
    }
}
