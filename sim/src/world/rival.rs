//! Another process under the coordinator's id, over a directory of its own: a second replica that was
//! given the same configuration, or the first one after its volume was lost.
//!
//! It is idle but for its sweeps, which meet the prepared branches of the coordinator under test. It
//! is told apart by its address, and a participant that it makes end such a branch says so. Nothing
//! else of it is in the history, for its epochs and numbers are those of another log.

use std::sync::{Arc, Mutex};

use indoubt::Coordinator;
use madsim::runtime::Handle;
use madsim::task::NodeId;

use super::control::{World, stranger};
use super::coordinator::{open, participants};
use crate::disk::{DiskLatency, SimDisk};
use crate::edge::Witness;
use crate::history::{Event, Place};
use crate::lock::lock;
use crate::parts::{Kind, Parts};
use crate::time::SimClock;

/// The other process's machine.
#[derive(Default)]
pub(super) struct Rival(Mutex<Option<Machine>>);

struct Machine {
    disk: SimDisk,
    node: NodeId,
    up: bool,
}

/// The stream of its disk.
const DISK: u64 = (4 << 48) + (1 << 32);

impl Rival {
    /// Has it up; it is made when it is first needed. `None` if it was up.
    fn boot(&self, seed: u64, latency: DiskLatency) -> Option<(NodeId, SimDisk)> {
        let mut machine = lock(&self.0);
        let machine = machine.get_or_insert_with(|| {
            let node = Handle::current().create_node().name("rival").build().id();
            Machine { disk: SimDisk::new(seed, DISK, latency), node, up: false }
        });
        let was_up = std::mem::replace(&mut machine.up, true);
        (!was_up).then(|| (machine.node, machine.disk.clone()))
    }
}

impl<P: Parts> World<P> {
    /// Brings it up, unless it is.
    pub(super) fn start_rival(self: &Arc<Self>) -> bool {
        let booted = self.rival.boot(self.scenario.seed, self.scenario.disks.of_log());
        let Some((node, disk)) = booted else { return false };
        self.events.record(Event::RivalStarted);
        if let Some(node) = Handle::current().get_node(node) {
            node.spawn(live(self.clone(), disk));
        }
        true
    }

    /// Kills it, if it is up. What it wrote is the kernel's.
    pub(super) fn stop_rival(&self) {
        let mut machine = lock(&self.rival.0);
        let Some(machine) = machine.as_mut().filter(|machine| machine.up) else { return };
        machine.up = false;
        self.net.kill(stranger(&self.scenario));
        machine.disk.crash();
        Handle::current().kill(machine.node);
        Handle::current().restart(machine.node);
    }
}

async fn live<P: Parts>(world: Arc<World<P>>, disk: SimDisk) {
    // Nobody reads what passes at its edges.
    let witness = Witness::new(Place::Coordinator(0), world.events.clone());
    witness.end();
    let endpoint = world.net.bind(stranger(&world.scenario));
    let line = world.parts.kind().line(witness.by(), endpoint, 0);
    let common = world.parts.common(witness.by());
    let log = world.parts.log(open(&world, &disk.mount(), &witness).await, &common);
    let mut builder = Coordinator::builder(log, SimClock).deadlines(world.terms.deadlines);
    for participant in participants(&world, &line, &witness, &common) {
        builder = builder.participant(participant);
    }
    let Ok((coordinator, driver)) = builder.build() else { return };
    driver.run().await;
    drop(coordinator);
}
