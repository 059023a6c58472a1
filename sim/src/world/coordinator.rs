//! A coordinator process's life: open the log, build the coordinator, let its clients work.

use std::sync::Arc;
use std::time::Duration;

use futures::future::AbortHandle;
use indoubt::{Clock, Coordinator, Ending, Heuristic};

use super::control::{Current, World, address};
use super::ends::drive;
use crate::bend::Drive;
use crate::disk::Mount;
use crate::edge::{Attended, Watched, Witness};
use crate::history::{Event, Place, Tx};
use crate::lock::lock;
use crate::parts::{Kind, Logs, Parts, Process, Tasks, WatchedLog};
use crate::time::SimClock;

/// One life.
pub(super) async fn live<P: Parts>(world: Arc<World<P>>, witness: Witness, life: u64, disk: Mount) {
    let place = witness.by();
    let wire = world.parts.kind().line(place, world.net.bind(address(place)), life);
    let common = world.parts.common(place);
    let opened = open(&world, &disk, &witness).await;
    witness.unless_ended().await;
    let log = world.parts.log(opened.clone(), &common);
    let participants = participants(&world, &wire, &witness, &common);
    let alarmed = world.clone();
    let alarm = move |heuristic: &Heuristic| alarmed.hear(heuristic);
    let mut builder = Coordinator::builder(log, world.parts.clock(world.clock(place), &common))
        .deadlines(world.terms.deadlines)
        .on_heuristic(alarm);
    for participant in &participants {
        builder = builder.participant(participant.clone());
    }
    let Ok((coordinator, driver)) = builder.build() else { return };
    let epoch = coordinator.epoch();
    let (helm, until_dropped) = AbortHandle::new_pair();
    let life = (witness.clone(), epoch, life);
    madsim::task::spawn(drive(world.clone(), life, driver, until_dropped));
    let tasks = Tasks::default();
    {
        let mut current = lock(&world.current);
        if current.as_ref().is_none_or(|other| other.coordinator.epoch() < epoch) {
            *current = Some(Current {
                coordinator: coordinator.clone(),
                log: opened.clone(),
                witness: witness.clone(),
                driver: helm,
                tasks: tasks.clone(),
            });
        }
    }
    let process = Process {
        scenario: world.scenario.clone(),
        coordinator,
        participants,
        line: wire,
        log: opened,
        backlog: world.backlog.clone(),
        witness,
        tasks,
    };
    world.parts.come_up(process, &common);
}

/// Every participant, as a process has them.
pub(super) fn participants<P: Parts>(
    world: &World<P>,
    line: &<P::Kind as Kind>::Line,
    witness: &Witness,
    common: &P::Common,
) -> Vec<P::Participant> {
    let participant = |p| {
        let node = address(Place::Participant(p));
        let participant = world.parts.kind().participant(p, node, line);
        let attended = Attended::new(p, participant, witness.clone());
        world.parts.participant(attended.votes_here(P::Kind::VOTES_AT_THE_COORDINATOR), common)
    };
    (0..world.scenario.participants).map(participant).collect()
}

impl<P: Parts> World<P> {
    /// The operator's alarm.
    fn hear(&self, heuristic: &Heuristic) {
        if let Ok(Place::Participant(p)) = heuristic.participant.parse() {
            self.events.record(Event::HeuristicReported { tx: Tx::of(&heuristic.gid), p });
        }
        if heuristic.ending == Ending::Untold {
            lock(&self.hazards).insert(heuristic.gid.clone());
        }
        if self.scenario.habits.alarm_panics {
            // As a panic, but for the message to the standard error of whoever runs many seeds.
            std::panic::resume_unwind(Box::new("the alarm panics, by the scenario"));
        }
    }
}

/// Opens the log, however often it takes.
pub(super) async fn open<P: Parts>(
    world: &World<P>,
    disk: &Mount,
    witness: &Witness,
) -> WatchedLog<P> {
    loop {
        let disk = Drive::new(disk.clone(), world.parts.disk_bend(witness.by()));
        let opening = world.parts.logs().open(disk, world.owner.clone(), &world.scenario);
        let why = match opening.await {
            Ok(log) => match Watched::opened(log, witness.clone()).await {
                Ok(watched) => return watched,
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        witness.record(Event::OpenFailed { by: witness.by(), why });
        SimClock.sleep(Duration::from_millis(50)).await;
    }
}
