//! How processes end without a crash of their machine: a coordinator's handles are dropped, or its
//! driver is; a participant's disk fails it.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc::UnboundedReceiver;
use futures::future::{AbortRegistration, Abortable};
use indoubt::{Clock, Driver};

use super::control::{Current, World, address};
use crate::edge::Witness;
use crate::history::{Event, Place};
use crate::lock::lock;
use crate::parts::Parts;
use crate::time::SimClock;

/// Runs a coordinator's driver to its end, and says how it ended. When it has ended by itself, its
/// process ends.
pub(super) async fn drive<P: Parts>(
    world: Arc<World<P>>,
    (witness, epoch, life): (Witness, u64, u64),
    driver: Driver,
    until_dropped: AbortRegistration,
) {
    // In a box: it is large, and this task is moved before it runs.
    let dropped = Abortable::new(Box::pin(driver.run()), until_dropped).await.is_err();
    let by = witness.by();
    witness.record(Event::DriverEnded { by, epoch, dropped });
    if !dropped {
        // If nobody hears it, the run is over.
        let _over = world.ends.unbounded_send((by, life));
    }
}

/// Starts what has come to its end.
pub(super) async fn supervise<P: Parts>(
    world: Arc<World<P>>,
    mut ended: UnboundedReceiver<(Place, u64)>,
) {
    while let Some((place, life)) = ended.next().await {
        let is_same = {
            let hosts = lock(&world.hosts);
            let host = &hosts[usize::from(address(place).0)];
            host.up && host.life == life
        };
        if !is_same {
            continue;
        }
        match place {
            // Unless another has taken its place.
            Place::Coordinator(_) if lock(&world.current).is_some() => continue,
            Place::Coordinator(_) => drop(world.end_process(place)),
            Place::Participant(_) => {
                lock(&world.struck).write_failures += 1;
                world.events.record(Event::WriteFailed { place });
                world.crash(place);
            }
        }
        SimClock.sleep(Duration::from_millis(100)).await;
        match place {
            Place::Coordinator(_) => world.start_coordinator(),
            Place::Participant(_) => world.start(place),
        }
    }
}

impl<P: Parts> World<P> {
    /// Drops every handle of the coordinator of the newest epoch, and what its clients are at. False
    /// if there is none, or none that is driven.
    pub(super) fn let_go(&self) -> bool {
        let driven = |current: &mut Current<P>| !current.driver.is_aborted();
        let Some(current) = lock(&self.current).take_if(driven) else { return false };
        let (by, epoch) = (current.witness.by(), current.coordinator.epoch());
        current.witness.record(Event::LetGo { by, epoch });
        current.tasks.drop_all();
        true
    }

    /// Ends the process of a coordinator whose driver was dropped, if there is one, and starts another.
    pub(super) fn replace_undriven(self: &Arc<Self>) {
        let undriven = lock(&self.current)
            .as_ref()
            .filter(|current| current.driver.is_aborted())
            .map(|current| current.witness.by());
        if let Some(place) = undriven {
            self.end_process(place);
            self.start_coordinator();
        }
    }
}
