//! The world of a run: its places, and how they come up and lose power.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use futures::channel::mpsc::UnboundedSender;
use futures::future::AbortHandle;
use indoubt::{Coordinator, CoordinatorId, Gid};
use madsim::runtime::Handle;
use madsim::task::NodeId;

use super::cues::Cues;
use super::flaps::Flapping;
use super::participant::Slot;
use super::rival::Rival;
use super::struck::Struck;
use super::{coordinator, participant};
use crate::clock::NodeClock;
use crate::disk::{MountId, SimDisk};
use crate::edge::Witness;
use crate::history::{Event, Place};
use crate::lock::lock;
use crate::net::{self, Network};
use crate::parts::{Backlog, Counts, LockWaits, MessageOf, Parts, Tasks, Terms, WatchedLog};
use crate::scenario::Scenario;
use crate::sentry::Sentry;
use crate::time::Timed;

/// How many coordinator processes there can be at once.
pub(crate) const COORDINATORS: u8 = 2;

/// A machine: tasks run on it until it is crashed.
pub(crate) struct Host {
    pub(crate) node: NodeId,
    pub(crate) up: bool,
    /// What runs on it is stopped, and will go on.
    pub(super) paused: bool,
    /// Counts its starts.
    pub(crate) life: u64,
    /// Its last life was ended by a kill, and there has been no power loss since.
    pub(super) killed: bool,
    /// Counts the starts of all places, up to its latest.
    pub(super) turn: u64,
    /// The disk, as the life that it lives has it.
    pub(super) mount: Option<MountId>,
    /// Of the life that it lives, if it is a coordinator's.
    pub(crate) witness: Option<Witness>,
}

impl Host {
    /// Spawns a task that ends with the host's next crash.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // A handle from before a restart is dead for good, so it is asked for anew each time.
        if let Some(node) = Handle::current().get_node(self.node) {
            node.spawn(task);
        }
    }
}

/// A coordinator that is up, and its log as it is.
pub(crate) struct Current<P: Parts> {
    pub(crate) coordinator: Coordinator,
    pub(crate) log: WatchedLog<P>,
    pub(crate) witness: Witness,
    /// Ends its driver where it is.
    pub(super) driver: AbortHandle,
    pub(super) tasks: Tasks,
}

// Derived, it would ask the same of the parts.
impl<P: Parts> Clone for Current<P> {
    fn clone(&self) -> Self {
        Self {
            coordinator: self.coordinator.clone(),
            log: self.log.clone(),
            witness: self.witness.clone(),
            driver: self.driver.clone(),
            tasks: self.tasks.clone(),
        }
    }
}

/// Everything there is in a run.
pub(crate) struct World<P: Parts> {
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) parts: P,
    pub(crate) terms: Terms,
    pub(crate) owner: CoordinatorId,
    pub(crate) events: Timed,
    pub(crate) net: Network<MessageOf<P>>,
    pub(crate) backlog: Backlog,
    /// The decision log's disk, of the machine on which all coordinator processes run.
    pub(crate) log_disk: SimDisk,
    pub(crate) slots: Vec<Slot<P>>,
    pub(super) locks: LockWaits,
    pub(super) counts: Counts,
    pub(crate) hosts: Mutex<Vec<Host>>,
    /// The coordinator of the newest epoch.
    pub(crate) current: Mutex<Option<Current<P>>>,
    /// Another process under the coordinator's id, and its disk.
    pub(super) rival: Rival,
    /// Transactions with a branch that cannot say how it ended, as the alarm has it.
    pub(crate) hazards: Mutex<BTreeSet<Gid>>,
    /// Where a place whose process has come to its end says so, with the life that it lived: a
    /// participant whose disk failed it, a coordinator whose driver has ended.
    pub(crate) ends: UnboundedSender<(Place, u64)>,
    pub(crate) struck: Mutex<Struck>,
    /// Of the coordinators' machine, and then of each participant's.
    pub(super) clocks: Vec<NodeClock>,
    pub(super) flapping: Mutex<Flapping>,
    /// What faults wait for.
    pub(super) cues: Cues,
    pub(super) sentry: Sentry,
}

/// A place's address.
pub(crate) const fn address(place: Place) -> net::NodeId {
    net::NodeId(match place {
        Place::Coordinator(index) => index,
        Place::Participant(index) => COORDINATORS + index,
    })
}

/// How many addresses there are: one for each place, and one for whoever there is beside them.
pub(super) fn network_size(scenario: &Scenario) -> u8 {
    stranger(scenario).0 + 1
}

/// The address of whoever there is beside the places.
pub(crate) fn stranger(scenario: &Scenario) -> net::NodeId {
    net::NodeId(COORDINATORS + scenario.participants)
}

impl<P: Parts> World<P> {
    /// Brings a place up, unless it is.
    pub(crate) fn start(self: &Arc<Self>, place: Place) {
        let mut hosts = lock(&self.hosts);
        let turn = 1 + hosts.iter().map(|host| host.turn).max().unwrap_or(0);
        let host = &mut hosts[address(place).0 as usize];
        if host.up {
            return;
        }
        let mount = self.disk(place).mount();
        host.up = true;
        host.killed = false;
        host.life += 1;
        host.turn = turn;
        host.mount = Some(mount.id());
        let (world, life) = (self.clone(), host.life);
        self.events.record(Event::Started { place });
        match place {
            Place::Coordinator(_) => {
                let witness = Witness::new(place, self.events.clone());
                host.witness = Some(witness.clone());
                host.spawn(coordinator::live(world, witness, life, mount));
            }
            Place::Participant(p) => host.spawn(participant::live(world, p, life, mount)),
        }
    }

    /// The clock of a place's machine.
    pub(super) fn clock(&self, place: Place) -> NodeClock {
        self.clocks[match place {
            Place::Coordinator(_) => 0,
            Place::Participant(p) => 1 + usize::from(p),
        }]
        .clone()
    }

    /// Takes the power from a place. Coordinator processes share a machine, and so their end.
    pub(crate) fn crash(&self, place: Place) -> bool {
        match place {
            Place::Coordinator(_) => {
                let crashed: Vec<_> =
                    (0..COORDINATORS).map(|index| self.kill(Place::Coordinator(index))).collect();
                self.log_disk.crash();
                for c in 0..COORDINATORS {
                    self.backlog.crashed(Place::Coordinator(c));
                    lock(&self.hosts)[usize::from(c)].killed = false;
                }
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

    /// Ends what runs at a place, as far as the network and the executor can tell: with its machine.
    pub(crate) fn kill(&self, place: Place) -> bool {
        self.take_down(place, Network::kill)
    }

    /// Ends what runs at a place, and has the network know how.
    pub(super) fn take_down(
        &self,
        place: Place,
        on_network: fn(&Network<MessageOf<P>>, net::NodeId),
    ) -> bool {
        let mut hosts = lock(&self.hosts);
        let host = &mut hosts[address(place).0 as usize];
        if !host.up {
            return false;
        }
        host.up = false;
        if std::mem::take(&mut host.paused) {
            // Its tasks are dropped one by one like those of any other, and not all at once in here.
            Handle::current().resume(host.node);
        }
        if let Some(witness) = host.witness.take() {
            witness.end();
        }
        self.events.record(Event::Crashed { place });
        // First the network: the node's tasks are dropped only when they are next scheduled.
        on_network(&self.net, address(place));
        Handle::current().kill(host.node);
        Handle::current().restart(host.node);
        true
    }
}
