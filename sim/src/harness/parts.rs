//! A harness as the parts of an ordinary run.

use std::sync::Arc;
use std::time::Duration;

use indoubt::{Clock, DecisionLog};

use super::Harness;
use crate::bend::{Bend, BendDisk, BentLog, BentParticipant};
use crate::clock::NodeClock;
use crate::history::Place;
use crate::parts::{AttendedOf, Kind, Logs, Parts, Process, WatchedLog};
use crate::scenario::Scenario;
use crate::workload::{Client, Workload, watch};

impl<B, L, K, W> Parts for Harness<B, L, K, W>
where
    B: Bend,
    L: Logs,
    K: Kind,
    W: Workload<BentParticipant<B, AttendedOf<K>>>,
{
    type Logs = L;
    type Kind = K;
    type Participant = BentParticipant<B, AttendedOf<K>>;
    type Common = Arc<B>;

    fn common(&self, _: Place) -> Arc<B> {
        Arc::default()
    }

    fn disk_bend(&self, place: Place) -> Option<Box<dyn BendDisk>> {
        B::disk(place)
    }

    fn logs(&self) -> &L {
        &self.logs
    }

    fn log(&self, log: WatchedLog<Self>, bend: &Arc<B>) -> impl DecisionLog + use<B, L, K, W> {
        BentLog::new(Arc::new(log), bend.clone())
    }

    fn clock(&self, clock: NodeClock, _: &Arc<B>) -> impl Clock + use<B, L, K, W> {
        clock
    }

    fn kind(&self) -> &K {
        &self.kind
    }

    fn participant(&self, participant: AttendedOf<K>, bend: &Arc<B>) -> Self::Participant {
        BentParticipant::new(participant, bend.clone())
    }

    fn seeded(&self, scenario: &Scenario, p: u8) -> Vec<(u64, i64)> {
        self.workload.seeded(scenario, p)
    }

    fn marks(&self) -> bool {
        self.workload.marks()
    }

    fn come_up(&self, process: Process<Self>, _: &Arc<B>) {
        let Process { scenario, coordinator, participants, log, backlog, witness, tasks, .. } =
            process;
        if let Some(beside) = B::beside(&Arc::new(log), &participants) {
            madsim::task::spawn(beside);
        }
        if scenario.habits.watch_ms > 0 {
            let pause = Duration::from_millis(scenario.habits.watch_ms);
            tasks.spawn(watch(coordinator.clone(), witness.clone(), pause));
        }
        for number in 0..scenario.clients {
            let client = Client {
                number,
                scenario: scenario.clone(),
                coordinator: coordinator.clone(),
                participants: participants.clone(),
                workload: self.workload.clone(),
                backlog: backlog.clone(),
                witness: witness.clone(),
            };
            tasks.spawn(client.run(coordinator.epoch()));
        }
    }
}
