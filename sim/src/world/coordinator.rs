//! A coordinator process's life: open the log, build the coordinator, let its clients work.

use std::sync::Arc;
use std::time::Duration;

use indoubt::{Clock, Coordinator, Deadlines, DecisionLog, Ending, Heuristic};
use indoubt_real::log::{FileLog, Options};

use super::control::{World, address, lock};
use super::ordered::{self, Acting};
use super::{CoordinatorClock, Seams, SimClock, Watched, Witness};
use crate::history::{Event, Place};
use crate::participant::{Rpc, SimParticipant};
use crate::workload::{Client, tx};

/// A running coordinator, as the harness sees it.
pub(super) struct Process<S: Seams> {
    pub(super) coordinator: Coordinator<S::Log, CoordinatorClock>,
}

impl<S: Seams> Clone for Process<S> {
    fn clone(&self) -> Self {
        Self { coordinator: self.coordinator.clone() }
    }
}

/// One life.
pub(super) async fn live<S: Seams>(world: Arc<World<S>>, witness: Witness, life: u64) {
    let place = witness.by();
    let rpc = Rpc::new(world.net.bind(address(place)), life);
    madsim::task::spawn(rpc.clone().dispatch());
    let desk = world.ordered.as_ref().map(|ordered| ordered.desk(place));
    let opened = open(&world, &witness).await;
    let log = world.seams.log(opened.by_way_of(desk.clone(), witness.clone()));
    let epoch = log.epoch();
    let participants: Vec<_> = (0..world.scenario.participants)
        .map(|p| {
            let node = address(Place::Participant(p));
            let participant = SimParticipant::new(p, node, rpc.clone(), witness.clone());
            world.seams.participant(participant.by_way_of(desk.clone()))
        })
        .collect();
    let alarmed = world.clone();
    let alarm = move |heuristic: &Heuristic| {
        let participant = heuristic.participant.parse();
        if let Ok(Place::Participant(p)) = participant {
            alarmed.events.record(Event::HeuristicReported { tx: tx(&heuristic.gid), p });
        }
        if heuristic.ending == Ending::Untold {
            lock(&alarmed.hazards).insert(heuristic.gid.clone());
        }
        if alarmed.scenario.habits.alarm_panics {
            // As a panic, but for the message to the standard error of whoever runs many seeds.
            std::panic::resume_unwind(Box::new("the alarm panics, by the scenario"));
        }
    };
    let clock = CoordinatorClock::new(desk);
    let mut builder =
        Coordinator::builder(log, clock).deadlines(deadlines(&world)).on_heuristic(alarm);
    for participant in &participants {
        builder = builder.participant(participant.clone());
    }
    let Ok((coordinator, driver)) = builder.build() else { return };
    madsim::task::spawn(driver.run());
    if let Some(companion) = world.seams.companion(&coordinator, &participants) {
        madsim::task::spawn(companion);
    }
    {
        let mut current = lock(&world.current);
        if current.as_ref().is_none_or(|other| other.coordinator.log().epoch() < epoch) {
            *current = Some(Process { coordinator: coordinator.clone() });
        }
    }
    if let Some(ordered) = &world.ordered {
        // What the process has begun may still land when it has ended, and is then seen.
        let log = opened.by_way_of(None, Witness::new(place, world.events.clone()));
        return ordered.enter(place, Acting { coordinator, participants, log: Arc::new(log) });
    }
    for number in 0..world.scenario.clients {
        let client = Client {
            number,
            place,
            scenario: world.scenario.clone(),
            coordinator: coordinator.clone(),
            participants: participants.clone(),
            backlog: world.backlog.clone(),
            events: world.events.clone(),
        };
        madsim::task::spawn(client.run(epoch));
    }
}

/// Opens the log, however often it takes.
async fn open<S: Seams>(world: &World<S>, witness: &Witness) -> Watched<FileLog<S::Disk>> {
    let place = witness.by();
    let remembered = usize::try_from(world.scenario.remembered).unwrap_or(usize::MAX);
    let mut options = Options {
        compact_from_bytes: world.scenario.compact_bytes,
        remembered,
        ..Options::default()
    };
    if let Some(order) = &world.scenario.order {
        ordered::set(&mut options, order);
    }
    loop {
        let disk = world.seams.disk(world.log_disk.mount(), place);
        let why = match FileLog::open(disk, world.owner.clone(), options.clone()).await {
            Ok(log) => match Watched::opened(log, witness.clone()).await {
                Ok(watched) => return watched,
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        world.events.record(Event::OpenFailed { by: place, why });
        SimClock.sleep(Duration::from_millis(50)).await;
    }
}

pub(super) fn deadlines<S: Seams>(world: &World<S>) -> Deadlines {
    let step = Duration::from_millis(world.scenario.deadline_ms);
    let deadlines = Deadlines {
        begin: step,
        prepare: step,
        force: step,
        finish: step,
        acknowledge: Duration::from_millis(world.scenario.acknowledge_ms),
        scan: step,
        recovery_interval: Duration::from_millis(world.scenario.recovery_ms),
    };
    if world.ordered.is_some() { ordered::told_apart(deadlines) } else { deadlines }
}
