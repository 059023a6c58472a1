//! What befalls processes while their machines live: they are killed, they stand still and go on, and
//! one takes over from another.

use std::sync::Arc;

use madsim::runtime::Handle;

use super::control::{COORDINATORS, World, address};
use crate::history::{Ailment, Event, Place};
use crate::lock::lock;
use crate::net::Network;
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
        if !self.take_down(place, Network::end_process) {
            return false;
        }
        if let Some(mount) = mount {
            self.disk(place).kill(mount);
        }
        lock(&self.hosts)[address(place).0 as usize].killed = true;
        match place {
            Place::Coordinator(_) => {
                self.backlog.crashed(place);
                drop(lock(&self.current).take_if(|current| current.witness.by() == place));
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

    /// Does as a coordinator asks that is fenced, and is stopped: a successor that could not open the log
    /// to the end has fenced it, and waits for its lock. Where there is no successor it stays, for
    /// nobody should have fenced it.
    pub(super) fn stop_fenced(self: &Arc<Self>, place: Place) {
        let up = lock(&self.hosts).iter().take(COORDINATORS.into()).filter(|host| host.up).count();
        if up > 1 && self.end_process(place) {
            self.start_coordinator();
        }
    }

    /// Has a coordinator process be up that is not fenced. One that was killed is started again, and
    /// takes over from the other if that is up: it may have fenced that one before it was killed.
    pub(super) fn start_coordinator(self: &Arc<Self>) {
        let (any_is_up, any_was_killed) = {
            let hosts = lock(&self.hosts);
            let coordinators = || hosts.iter().take(COORDINATORS.into());
            (coordinators().any(|host| host.up), coordinators().any(|host| host.killed))
        };
        if !any_is_up {
            self.start(Place::Coordinator(0));
        } else if any_was_killed {
            self.take_over();
        }
    }
}
