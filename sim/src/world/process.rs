//! What befalls processes while their machines live: they are killed, they stand still and go on, and
//! one takes over from another.

use std::sync::Arc;

use madsim::runtime::Handle;

use super::control::{COORDINATORS, World, address};
use crate::history::{Ailment, Event, Place};
use crate::lock::lock;
use crate::parts::Parts;

/// How it was with the coordinator that another one took over from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// It went on.
    Running,
    /// It stood still.
    Paused,
}

impl<P: Parts> World<P> {
    /// Ends the process at a place. What it wrote is the kernel's, and stays as it is, synced or not.
    pub(super) fn end_process(&self, place: Place) -> bool {
        let mount = lock(&self.hosts)[address(place).0 as usize].mount;
        if !self.kill(place) {
            return false;
        }
        if let Some(mount) = mount {
            self.disk(place).kill(mount);
        }
        match place {
            Place::Coordinator(_) => {
                self.backlog.crashed(place);
                drop(lock(&self.current).take_if(|current| current.place == place));
            }
            Place::Participant(p) => drop(lock(&self.slots[p as usize].server).take()),
        }
        true
    }

    /// Stops the process at a place, from its next await on. What is sent to it, and what its disk
    /// does for it, it learns when it goes on.
    pub(super) fn pause(&self, place: Place) -> bool {
        {
            let mut hosts = lock(&self.hosts);
            let host = &mut hosts[address(place).0 as usize];
            if !host.up || std::mem::replace(&mut host.paused, true) {
                return false;
            }
            Handle::current().pause(host.node);
        }
        self.events.record(Event::Ails { place, ailment: Ailment::Paused, ails: true });
        true
    }

    /// Has it go on, if it was stopped.
    pub(super) fn resume(&self, place: Place) {
        {
            let mut hosts = lock(&self.hosts);
            let host = &mut hosts[address(place).0 as usize];
            if !std::mem::take(&mut host.paused) {
                return;
            }
            Handle::current().resume(host.node);
        }
        self.events.record(Event::Ails { place, ailment: Ailment::Paused, ails: false });
    }

    /// Starts a coordinator process over the log of the one that is up; `None` if none is. Where both
    /// are, the older one is killed first.
    pub(super) fn take_over(self: &Arc<Self>) -> Option<Over> {
        let (next, next_is_up, paused) = {
            let hosts = lock(&self.hosts);
            let coordinators = || (0..COORDINATORS).map(|c| (c, &hosts[usize::from(c)]));
            let (_, newest) =
                coordinators().filter(|(_, host)| host.up).max_by_key(|(_, host)| host.turn)?;
            let (next, host) = coordinators().min_by_key(|(_, host)| (host.up, host.turn))?;
            (Place::Coordinator(next), host.up, newest.paused)
        };
        if next_is_up {
            self.end_process(next);
        }
        self.events.record(Event::TakenOver);
        self.log_disk.break_lock();
        self.start(next);
        Some(if paused { Over::Paused } else { Over::Running })
    }

    /// Starts a coordinator process where the latest one is down: an older one that still is up is
    /// fenced, and does nothing more.
    pub(super) fn start_coordinator(self: &Arc<Self>) {
        let place = {
            let hosts = lock(&self.hosts);
            let coordinators = || (0..COORDINATORS).map(|c| (c, &hosts[usize::from(c)]));
            let latest = coordinators().max_by_key(|(_, host)| host.turn);
            match latest {
                Some((_, host)) if host.up => return,
                Some((c, _)) if coordinators().any(|(_, host)| host.up) => Place::Coordinator(c),
                _ => Place::Coordinator(0),
            }
        };
        self.start(place);
    }
}
