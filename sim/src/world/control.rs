//! The world of a run and the hand that harms it: starting, crashing, cutting, healing.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::mpsc::UnboundedSender;
use indoubt::{CoordinatorId, Gid};
use madsim::runtime::Handle;
use madsim::task::NodeId;

use super::coordinator::Process;
use super::ordered::Ordered;
use super::participant::Slot;
use super::rival::Rival;
use super::{Seams, Timed, Witness, coordinator, participant};
use crate::disk::{DiskFaults, SimDisk};
use crate::history::{Event, Place};
use crate::net::{self, LinkOptions, Network};
use crate::participant::{Message, Server};
use crate::scenario::{Fault, FaultKind, Scenario};
use crate::workload::Backlog;

/// How many coordinator processes there can be at once.
pub(super) const COORDINATORS: u8 = 2;

/// The first stream of the disks of standbys.
const STANDBYS: u64 = (4 << 48) + (2 << 32);

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

/// How often the scheduled faults really struck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Struck {
    pub(super) coordinator_crashes: u64,
    pub(super) participant_crashes: u64,
    pub(super) panics: u64,
    pub(super) cuts: u64,
    pub(super) one_way_cuts: u64,
    pub(super) takeovers: u64,
    pub(super) rivals: u64,
    pub(super) forgets: u64,
    pub(super) failovers: u64,
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

    pub(super) fn begin(self: &Arc<Self>, fault: &Fault) {
        let mut struck = lock(&self.struck);
        match fault.kind {
            FaultKind::Crash { place } => {
                if self.crash(place) {
                    match place {
                        Place::Coordinator(_) => struck.coordinator_crashes += 1,
                        Place::Participant(_) => struck.participant_crashes += 1,
                    }
                }
            }
            FaultKind::CutOneWay { from, to } => {
                struck.one_way_cuts += 1;
                self.cut(from, to);
            }
            FaultKind::Cut { a, b } => {
                struck.cuts += 1;
                self.cut(a, b);
                self.cut(b, a);
            }
            FaultKind::Disk { place, sync_permille, short_permille, read_permille } => {
                self.events.record(Event::DiskFaulty { place, faulty: true });
                let faults = DiskFaults {
                    failed_sync: sync_permille,
                    short_write: short_permille,
                    read_error: read_permille,
                    ..DiskFaults::default()
                };
                self.disk(place).set_faults(faults);
            }
            FaultKind::DiskFull { place } => {
                self.events.record(Event::DiskFaulty { place, faulty: true });
                self.disk(place).fill_for(Duration::from_millis(fault.for_ms));
            }
            FaultKind::DiskStuck { place } => {
                self.events.record(Event::DiskFaulty { place, faulty: true });
                self.disk(place).stick_for(Duration::from_millis(fault.for_ms));
            }
            FaultKind::Rival => {
                if self.start_rival() {
                    struck.rivals += 1;
                }
            }
            FaultKind::Failover { p } => {
                if self.slots[p as usize].cut_off_standby() {
                    self.events.record(Event::StandbyCutOff { p });
                }
            }
            FaultKind::Forget { p } => {
                struck.forgets +=
                    u64::from(self.at_server(p, |server| async move { server.forget().await }));
            }
            FaultKind::Takeover => {
                let up =
                    |index| lock(&self.hosts)[address(Place::Coordinator(index)).0 as usize].up;
                if up(0) && !up(1) {
                    struck.takeovers += 1;
                    self.events.record(Event::TakenOver);
                    self.log_disk.break_lock();
                    self.start(Place::Coordinator(1));
                }
            }
            FaultKind::Operator { p, commit } => {
                self.at_server(p, |server| async move { server.operator(commit).await });
            }
        }
    }

    /// Does something at a participant's server, if it is up. If its disk fails it, so does it.
    fn at_server<F>(&self, p: u8, act: impl FnOnce(Arc<Server<S::Disk>>) -> F) -> bool
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let Some(server) = lock(&self.slots[p as usize].server).clone() else { return false };
        let host = &lock(&self.hosts)[address(Place::Participant(p)).0 as usize];
        let (panics, life) = (self.panics.clone(), host.life);
        let acting = act(server);
        host.spawn(async move {
            if acting.await.is_err() {
                let _ended = panics.unbounded_send((p, life));
            }
        });
        true
    }

    pub(super) fn end(self: &Arc<Self>, fault: &FaultKind) {
        match *fault {
            FaultKind::Crash { place: Place::Coordinator(_) } => self.start_coordinator(),
            FaultKind::Crash { place } => self.start(place),
            FaultKind::CutOneWay { from, to } => self.mend(from, to),
            FaultKind::Cut { a, b } => {
                self.mend(a, b);
                self.mend(b, a);
            }
            FaultKind::Disk { place, .. } => {
                self.events.record(Event::DiskFaulty { place, faulty: false });
                self.disk(place).set_faults(DiskFaults::default());
            }
            FaultKind::DiskFull { place } => {
                self.events.record(Event::DiskFaulty { place, faulty: false });
                self.disk(place).fill_for(Duration::ZERO);
            }
            FaultKind::DiskStuck { place } => {
                self.events.record(Event::DiskFaulty { place, faulty: false });
                self.disk(place).stick_for(Duration::ZERO);
            }
            FaultKind::Rival => self.stop_rival(),
            FaultKind::Failover { p } => self.fail_over(p),
            FaultKind::Takeover | FaultKind::Operator { .. } | FaultKind::Forget { .. } => {}
        }
    }

    /// A participant's standby takes its place.
    fn fail_over(self: &Arc<Self>, p: u8) {
        let place = Place::Participant(p);
        self.crash(place);
        let mut struck = lock(&self.struck);
        let stream = STANDBYS + (struck.failovers << 8) + u64::from(p);
        let disks = self.scenario.disks.of_participant();
        if self.slots[p as usize].fail_over(SimDisk::new(self.scenario.seed, stream, disks)) {
            struck.failovers += 1;
            self.events.record(Event::FailedOver { p });
        }
        drop(struck);
        self.start(place);
    }

    /// Ends all faults and starts what is down.
    pub(super) fn heal(self: &Arc<Self>) {
        self.net.heal_all();
        self.net.set_all(link(&crate::scenario::Network::calm()));
        for disk in self.slots.iter().map(Slot::disk).chain([self.log_disk.clone()]) {
            disk.set_faults(DiskFaults::default());
            disk.fill_for(Duration::ZERO);
            disk.stick_for(Duration::ZERO);
        }
        self.stop_rival();
        self.start_coordinator();
        for p in 0..self.scenario.participants {
            self.start(Place::Participant(p));
        }
        self.events.record(Event::Healed);
    }

    /// Starts the first coordinator process, unless one is up.
    fn start_coordinator(self: &Arc<Self>) {
        let any = (0..COORDINATORS).any(|index| lock(&self.hosts)[usize::from(index)].up);
        if !any {
            self.start(Place::Coordinator(0));
        }
    }

    fn cut(&self, from: Place, to: Place) {
        self.events.record(Event::Cut { from, to });
        self.net.cut(address(from), address(to));
    }

    fn mend(&self, from: Place, to: Place) {
        self.events.record(Event::Mended { from, to });
        self.net.heal(address(from), address(to));
    }

    fn disk(&self, place: Place) -> SimDisk {
        match place {
            Place::Coordinator(_) => self.log_disk.clone(),
            Place::Participant(p) => self.slots[p as usize].disk(),
        }
    }
}

/// The scenario's network as the network takes it.
pub(super) fn link(network: &crate::scenario::Network) -> LinkOptions {
    LinkOptions {
        latency_min: Duration::from_micros(network.latency_min_us),
        latency_max: Duration::from_micros(network.latency_max_us),
        slow_permille: network.slow_permille,
        slow_factor: 30,
        loss_permille: network.loss_permille,
        duplicate_permille: network.duplicate_permille,
        reorder_permille: network.reorder_permille,
        reorder_delay: Duration::from_millis(network.reorder_ms),
    }
}
