//! A coordinator process's life: open the log, build the coordinator, let its clients work.

use std::sync::Arc;
use std::time::Duration;

use indoubt::{Clock, Coordinator, Deadlines, DecisionLog, Heuristic};
use indoubt_real::log::{FileLog, Options};

use super::control::{World, address, lock};
use super::{Seams, SimClock, Watched, Witness};
use crate::history::{Event, Place};
use crate::participant::{Rpc, SimParticipant};
use crate::workload::{Client, tx};

/// A running coordinator, as the harness sees it.
pub(super) struct Process<S: Seams> {
    pub(super) coordinator: Coordinator<S::Log, SimClock>,
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
    let log = open(&world, &witness).await;
    let epoch = log.epoch();
    let participants: Vec<_> = (0..world.scenario.participants)
        .map(|p| {
            let node = address(Place::Participant(p));
            world.seams.participant(SimParticipant::new(p, node, rpc.clone(), witness.clone()))
        })
        .collect();
    let events = world.events.clone();
    let alarm = move |heuristic: &Heuristic| {
        let participant = heuristic.participant.parse();
        if let Ok(Place::Participant(p)) = participant {
            events.record(Event::HeuristicReported { tx: tx(&heuristic.gid), p });
        }
    };
    let mut builder =
        Coordinator::builder(log, SimClock).deadlines(deadlines(&world)).on_heuristic(alarm);
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
async fn open<S: Seams>(world: &World<S>, witness: &Witness) -> S::Log {
    let place = witness.by();
    let options =
        Options { compact_from_bytes: world.scenario.compact_bytes, ..Options::default() };
    loop {
        let disk = world.seams.disk(world.log_disk.mount(), place);
        let why = match FileLog::open(disk, world.owner.clone(), options.clone()).await {
            Ok(log) => match Watched::opened(log, witness.clone()).await {
                Ok(watched) => return world.seams.log(watched),
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        world.events.record(Event::OpenFailed { by: place, why });
        SimClock.sleep(Duration::from_millis(50)).await;
    }
}

fn deadlines<S: Seams>(world: &World<S>) -> Deadlines {
    let step = Duration::from_millis(world.scenario.deadline_ms);
    Deadlines {
        begin: step,
        prepare: step,
        force: step,
        finish: step,
        acknowledge: Duration::from_millis(world.scenario.acknowledge_ms),
        scan: step,
        recovery_interval: Duration::from_millis(world.scenario.recovery_ms),
    }
}
