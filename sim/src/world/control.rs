//! The world of a run: its places, and how they come up and lose power.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::mpsc::UnboundedSender;
use indoubt::{CoordinatorId, Gid};
use madsim::runtime::Handle;
use madsim::task::NodeId;

use super::coordinator::Process;
use super::faults::Struck;
use super::ordered::Ordered;
use super::participant::Slot;
use super::rival::Rival;
use super::{Seams, Timed, Witness, coordinator, participant};
use crate::disk::SimDisk;
use crate::history::{Event, Place};
use crate::net::{self, Network};
use crate::participant::Message;
use crate::scenario::Scenario;
use crate::workload::Backlog;

/// How many coordinator processes there can be at once.
pub(super) const COORDINATORS: u8 = 2;

/// A machine: tasks run on it until it is crashed.
pub(super) struct Host {
    pub(super) node: NodeId,
    pub(super) up: bool,
    /// Counts its starts.
    pub(super) life: u64,
    /// Of the life that it lives, if it is a coordinator's.
    pub(super) witness: Option<Witness>,
}

impl Host {
    /// Spawns a task that ends with the host's next crash.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // A handle from before a restart is dead for good, so it is asked for anew each time.
        if let Some(node) = Handle::current().get_node(self.node) {
            node.spawn(task);
        }
    }
}

/// Everything there is in a run.
pub(super) struct World<S: Seams> {
    pub(super) scenario: Arc<Scenario>,
    pub(super) seams: S,
    pub(super) owner: CoordinatorId,
    pub(super) events: Timed,
    pub(super) net: Network<Message>,
    pub(super) backlog: Backlog,
    /// The decision log's disk, of the machine on which all coordinator processes run.
    pub(super) log_disk: SimDisk,
    pub(super) slots: Vec<Slot<S>>,
    pub(super) hosts: Mutex<Vec<Host>>,
    /// The coordinator of the newest epoch.
    pub(super) current: Mutex<Option<Process<S>>>,
    /// Another process under the coordinator's id, and its disk.
    pub(super) rival: Rival,
    /// Transactions with a branch that cannot say how it ended, as the alarm has it.
    pub(super) hazards: Mutex<BTreeSet<Gid>>,
    /// Where a participant whose disk failed it says so, with the life that it lived.
    pub(super) panics: UnboundedSender<(u8, u64)>,
    pub(super) struck: Mutex<Struck>,
    /// Of a run whose order of events is given.
    pub(super) ordered: Option<Ordered<S>>,
}

/// A lock that a panic cannot spoil: the run is over then anyway.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place's address.
pub(super) const fn address(place: Place) -> net::NodeId {
    net::NodeId(match place {
        Place::Coordinator(index) => index,
        Place::Participant(index) => COORDINATORS + index,
    })
}

/// How many addresses there are: one for each place, and one for whoever there is beside them.
pub(super) fn network_size(scenario: &Scenario) -> u8 {
    stranger(scenario).0 + 1
}

/// The address of whoever there is beside the places: the director of an ordered run, or a rival.
pub(super) fn stranger(scenario: &Scenario) -> net::NodeId {
    net::NodeId(COORDINATORS + scenario.participants)
}

impl<S: Seams> World<S> {
    /// Brings a place up, unless it is.
    pub(super) fn start(self: &Arc<Self>, place: Place) {
        let mut hosts = lock(&self.hosts);
        let host = &mut hosts[address(place).0 as usize];
        if host.up {
            return;
        }
        host.up = true;
        host.life += 1;
        let (world, life) = (self.clone(), host.life);
        self.events.record(Event::Started { place });
        match place {
            Place::Coordinator(_) => {
                let witness = Witness::new(place, self.events.clone());
                host.witness = Some(witness.clone());
                host.spawn(coordinator::live(world, witness, life));
            }
            Place::Participant(p) => host.spawn(participant::live(world, p, life)),
        }
    }

    /// Takes the power from a place. Coordinator processes share a machine, and so their end.
    pub(super) fn crash(&self, place: Place) -> bool {
        match place {
            Place::Coordinator(_) => {
                let crashed: Vec<_> =
                    (0..COORDINATORS).map(|index| self.kill(Place::Coordinator(index))).collect();
                self.log_disk.crash();
                self.backlog.crashed();
                drop(lock(&self.current).take());
                crashed.contains(&true)
            }
            Place::Participant(p) => {
                let crashed = self.kill(place);
                let slot = &self.slots[p as usize];
                slot.disk().crash();
                drop(lock(&slot.server).take());
                crashed
            }
        }
    }

    pub(super) fn kill(&self, place: Place) -> bool {
        let mut hosts = lock(&self.hosts);
        let host = &mut hosts[address(place).0 as usize];
        if !host.up {
            return false;
        }
        host.up = false;
        if let Some(witness) = host.witness.take() {
            witness.end();
        }
        self.events.record(Event::Crashed { place });
        // First the network: the node's tasks are dropped only when they are next scheduled.
        self.net.kill(address(place));
        Handle::current().kill(host.node);
        Handle::current().restart(host.node);
        true
    }
}
