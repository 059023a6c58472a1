//! The hand that harms a world: each kind of fault begun and ended, and the end of all of them.

use std::sync::Arc;
use std::time::Duration;

use super::control::{COORDINATORS, World, address};
use super::participant::Slot;
use super::process::Over;
use super::struck::Struck;
use crate::disk::{DiskFaults, SimDisk};
use crate::history::{Ailment, Event, Place};
use crate::lock::lock;
use crate::net::{Aim, Deed, LinkOptions};
use crate::parts::{Hand, Parts, Serve};
use crate::scenario::{Fault, FaultKind, MessageDeed, Network};

/// The first stream of the disks of standbys.
const STANDBYS: u64 = (4 << 48) + (2 << 32);

impl<P: Parts> World<P> {
    /// A fault begins.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of fault, in one place")]
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
            FaultKind::Kill { place } => {
                if self.end_process(place) {
                    match place {
                        Place::Coordinator(_) => struck.coordinator_kills += 1,
                        Place::Participant(_) => struck.participant_kills += 1,
                    }
                }
            }
            FaultKind::Pause { place } => {
                if self.pause(place) {
                    match place {
                        Place::Coordinator(_) => struck.coordinator_pauses += 1,
                        Place::Participant(_) => struck.participant_pauses += 1,
                    }
                }
            }
            FaultKind::CutOneWay { from, to } => {
                struck.one_way_cuts += 1;
                self.cut(from, to);
            }
            FaultKind::Cut { a, b } => {
                struck.cuts += 1;
                self.cut_both(a, b);
            }
            FaultKind::Isolate { ref places } => {
                struck.isolations += 1;
                self.around(places).for_each(|(a, b)| self.cut_both(a, b));
            }
            FaultKind::Slow { place, factor } => {
                self.net.drag(None, address(place), factor);
                self.disk(place).drag(factor);
                self.events.record(Event::Ails { place, ailment: Ailment::Slow, ails: true });
            }
            FaultKind::ClockJump { place, by_ms } => {
                struck.clock_jumps += 1;
                self.events.record(Event::Ails { place, ailment: Ailment::Clock, ails: true });
                self.clock(place).jump(Duration::from_millis(by_ms));
            }
            FaultKind::SlowLink { from, to, factor } => {
                self.net.drag(Some(address(from)), address(to), factor);
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
            FaultKind::Misread { place, permille } => {
                self.events.record(Event::DiskFaulty { place, faulty: true });
                self.disk(place).misread(permille);
            }
            FaultKind::DiskFull { place } => {
                self.events.record(Event::DiskFaulty { place, faulty: true });
                self.disk(place).fill_for(Duration::from_millis(fault.for_ms));
            }
            FaultKind::DiskStuck { place } => {
                self.events.record(Event::DiskFaulty { place, faulty: true });
                self.disk(place).stick_for(Duration::from_millis(fault.for_ms));
            }
            FaultKind::Message { word, nth, from, to, deed, by_ms } => {
                let by = Duration::from_millis(by_ms);
                let deed = match deed {
                    MessageDeed::Lose => Deed::Lose,
                    MessageDeed::Again => Deed::Again(by),
                    MessageDeed::Late => Deed::Late(by),
                };
                self.net.aim(Aim { from: from.map(address), to: to.map(address), word, nth, deed });
            }
            FaultKind::LetGo => {
                if self.let_go() {
                    struck.handles_dropped += 1;
                }
            }
            FaultKind::Undriven => {
                if let Some(current) = lock(&self.current).as_ref() {
                    struck.drivers_dropped += 1;
                    current.driver.abort();
                }
            }
            FaultKind::Rival => {
                if self.start_rival() {
                    struck.rivals += 1;
                }
            }
            FaultKind::Failover { p } => {
                if self.slots[p as usize].cut_off_standby(self.parts.kind()) {
                    self.events.record(Event::StandbyCutOff { p });
                }
            }
            FaultKind::Slots { p, most } => {
                let place = Place::Participant(p);
                self.slots[p as usize].prepared.set(most);
                self.events.record(Event::Ails { place, ailment: Ailment::Slots, ails: true });
            }
            FaultKind::Forget { p } => {
                self.at_server(p, Hand::Forget, |struck| struck.forgets += 1);
            }
            FaultKind::Takeover => {
                if let Some(over) = self.take_over() {
                    struck.takeovers += 1;
                    struck.takeovers_from_paused += u64::from(over == Over::Paused);
                }
            }
            // It takes turns.
            FaultKind::Flap { .. } => {}
            FaultKind::EndSessions { p } => {
                self.at_server(p, Hand::EndSessions, |struck| struck.sessions_ended += 1);
            }
            FaultKind::SessionCrash { p } => {
                self.at_server(p, Hand::SessionCrash, |struck| struck.session_crashes += 1);
            }
            FaultKind::Operator { p, commit } => {
                self.at_server(p, Hand::Operator { commit }, |_| {});
            }
        }
    }

    /// Does something at a participant's server, if it is up. If its disk fails it, so does it.
    fn at_server(self: &Arc<Self>, p: u8, hand: Hand, count: fn(&mut Struck)) {
        let Some(server) = lock(&self.slots[p as usize].server).clone() else { return };
        let place = Place::Participant(p);
        let host = &lock(&self.hosts)[address(place).0 as usize];
        let (world, life) = (self.clone(), host.life);
        host.spawn(async move {
            match server.suffer(hand).await {
                Ok(true) => count(&mut lock(&world.struck)),
                Ok(false) => {}
                Err(_) => drop(world.ends.unbounded_send((place, life))),
            }
        });
    }

    /// It ends.
    pub(super) fn end(self: &Arc<Self>, fault: &FaultKind) {
        match *fault {
            FaultKind::Crash { place: Place::Coordinator(_) }
            | FaultKind::Kill { place: Place::Coordinator(_) } => self.start_coordinator(),
            FaultKind::Crash { place } | FaultKind::Kill { place } => self.start(place),
            FaultKind::Pause { place } => self.resume(place),
            FaultKind::CutOneWay { from, to } => self.mend(from, to),
            FaultKind::Cut { a, b } | FaultKind::Flap { a, b, .. } => {
                self.mend_both(a, b);
            }
            FaultKind::Isolate { ref places } => {
                self.around(places).for_each(|(a, b)| self.mend_both(a, b));
            }
            FaultKind::Slow { place, .. } => {
                self.net.drag(None, address(place), 1);
                self.disk(place).drag(1);
                self.events.record(Event::Ails { place, ailment: Ailment::Slow, ails: false });
            }
            FaultKind::SlowLink { from, to, .. } => {
                self.net.drag(Some(address(from)), address(to), 1);
            }
            FaultKind::Disk { place, .. } => {
                self.events.record(Event::DiskFaulty { place, faulty: false });
                self.disk(place).set_faults(DiskFaults::default());
            }
            FaultKind::Misread { place, .. } => {
                self.events.record(Event::DiskFaulty { place, faulty: false });
                self.disk(place).misread(0);
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
            FaultKind::Slots { p, .. } => {
                let place = Place::Participant(p);
                self.slots[p as usize].prepared.set(u32::MAX);
                self.events.record(Event::Ails { place, ailment: Ailment::Slots, ails: false });
            }
            FaultKind::ClockJump { place, .. } => {
                self.events.record(Event::Ails { place, ailment: Ailment::Clock, ails: false });
            }
            FaultKind::Undriven => self.replace_undriven(),
            FaultKind::LetGo
            | FaultKind::Takeover
            | FaultKind::EndSessions { .. }
            | FaultKind::SessionCrash { .. }
            | FaultKind::Operator { .. }
            | FaultKind::Forget { .. }
            | FaultKind::Message { .. } => {}
        }
    }

    /// A participant's standby takes its place.
    fn fail_over(self: &Arc<Self>, p: u8) {
        let place = Place::Participant(p);
        self.crash(place);
        let mut struck = lock(&self.struck);
        let stream = STANDBYS + (struck.failovers << 8) + u64::from(p);
        let (kind, disks) = (self.parts.kind(), self.scenario.disks.of_participant());
        let disk = SimDisk::new(self.scenario.seed, stream, disks).fated(self.scenario.disks.fate);
        let disk = disk.of(place, self.sentry.clone());
        if self.slots[p as usize].fail_over(kind, disk) {
            struck.failovers += 1;
            self.events.record(Event::FailedOver { p });
        }
        drop(struck);
        self.start(place);
    }

    /// Ends all faults and starts what is down.
    pub(crate) fn heal(self: &Arc<Self>) {
        self.cues.clear();
        lock(&self.flapping).clear();
        self.net.heal_all();
        self.net.set_all(link(&Network::calm()));
        for disk in self.slots.iter().map(Slot::disk).chain([self.log_disk.clone()]) {
            disk.set_faults(DiskFaults::default());
            disk.fill_for(Duration::ZERO);
            disk.stick_for(Duration::ZERO);
            disk.drag(1);
            disk.misread(0);
        }
        self.slots.iter().for_each(|slot| slot.prepared.set(u32::MAX));
        self.stop_rival();
        (0..COORDINATORS).for_each(|c| self.resume(Place::Coordinator(c)));
        self.replace_undriven();
        self.start_coordinator();
        for p in 0..self.scenario.participants {
            self.resume(Place::Participant(p));
            self.start(Place::Participant(p));
        }
        self.events.record(Event::Healed);
    }

    fn cut(&self, from: Place, to: Place) {
        self.events.record(Event::Cut { from, to });
        self.net.cut(address(from), address(to));
    }

    pub(super) fn cut_both(&self, a: Place, b: Place) {
        self.cut(a, b);
        self.cut(b, a);
    }

    pub(super) fn mend_both(&self, a: Place, b: Place) {
        self.mend(a, b);
        self.mend(b, a);
    }

    /// Who of these places talks to whom of the others.
    fn around<'a>(&self, places: &'a [Place]) -> impl Iterator<Item = (Place, Place)> + 'a {
        let coordinators = (0..COORDINATORS).map(Place::Coordinator);
        let participants = self.scenario.participants;
        let all = coordinators
            .flat_map(move |c| (0..participants).map(move |p| (c, Place::Participant(p))));
        all.filter(|(c, p)| places.contains(c) != places.contains(p))
    }

    fn mend(&self, from: Place, to: Place) {
        self.events.record(Event::Mended { from, to });
        self.net.heal(address(from), address(to));
    }

    pub(super) fn disk(&self, place: Place) -> SimDisk {
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
