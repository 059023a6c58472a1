//! The hand that harms a world: each kind of fault begun and ended, and the end of all of them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::Seams;
use super::control::{COORDINATORS, World, address, lock};
use super::participant::Slot;
use crate::disk::{DiskFaults, SimDisk};
use crate::history::{Event, Place};
use crate::net::LinkOptions;
use crate::participant::Server;
use crate::scenario::{Fault, FaultKind, Network};

/// The first stream of the disks of standbys.
const STANDBYS: u64 = (4 << 48) + (2 << 32);

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

impl<S: Seams> World<S> {
    /// A fault begins.
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

    /// It ends.
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
        self.net.set_all(link(&Network::calm()));
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
pub(super) fn link(network: &Network) -> LinkOptions {
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
