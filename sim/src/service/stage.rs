//! A service, its databases and what is claimed of them, as the parts of a run.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use indoubt::{Clock, DecisionLog};

use super::databases::Databases;
use super::kind::Servers;
use super::{Database, Machine};
use crate::bend::BendDisk;
use crate::clock::NodeClock;
use crate::draw::Draw;
use crate::history::{Event, Place, ServiceEvent};
use crate::invariants::words;
use crate::parts::{AttendedOf, FileLogs, LineOf, Parts, Process, Tasks, Terms, WatchedLog};
use crate::scenario::Scenario;
use crate::time::{SimClock, within};

/// The first of the streams that services draw from.
const STREAM: u64 = 10 << 48;

/// A session that is idle in a transaction for so long is ended, and what it did rolled back: nobody
/// tells a server that its client has lost its power.
const IDLE: Duration = Duration::from_secs(5);

/// So long a claim may take to look into.
const LOOK: Duration = Duration::from_secs(60);

/// Code of somebody's own, which is given this and ends with an error in words, or without.
pub(super) type Code<T> = Arc<dyn Fn(T) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// A claim by name, and what looks into it.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) claim: &'static str,
    pub(super) holds: Code<Databases>,
}

/// A service on its stage.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) servers: Servers,
    pub(super) job: Code<Machine>,
    pub(super) looks: Vec<Look>,
}

impl Stage {
    fn names(&self) -> Arc<[String]> {
        self.servers.0.iter().map(|database| database.name.clone()).collect()
    }
}

impl Parts for Stage {
    type Logs = FileLogs;
    type Kind = Servers;
    type Participant = Database;
    /// The clock of the machine.
    type Common = OnceLock<NodeClock>;

    fn common(&self, _: Place) -> OnceLock<NodeClock> {
        OnceLock::new()
    }

    fn disk_bend(&self, _: Place) -> Option<Box<dyn BendDisk>> {
        None
    }

    fn logs(&self) -> &FileLogs {
        &FileLogs
    }

    fn log(&self, log: WatchedLog<Self>, _: &OnceLock<NodeClock>) -> impl DecisionLog + use<> {
        log
    }

    fn clock(&self, clock: NodeClock, of_machine: &OnceLock<NodeClock>) -> impl Clock + use<> {
        of_machine.get_or_init(|| clock).clone()
    }

    fn kind(&self) -> &Servers {
        &self.servers
    }

    fn participant(&self, participant: AttendedOf<Servers>, _: &OnceLock<NodeClock>) -> Database {
        participant
    }

    fn seeded(&self, _: &Scenario, _: u8) -> Vec<(u64, i64)> {
        Vec::new()
    }

    fn marks(&self) -> bool {
        false
    }

    /// What a service does is not promised to take no longer than this, nor to commit where nothing
    /// fails.
    fn terms(&self, scenario: &Scenario) -> Terms {
        Terms { idle: IDLE, rival: false, calm: false, waits: None, ..Terms::of(scenario) }
    }

    /// The service begins, unless it has returned in an earlier life. Until it has, the one transaction
    /// that a scenario has for it is still to be begun, and the run is not at rest.
    fn come_up(&self, process: Process<Self>, clock: &OnceLock<NodeClock>) {
        let Process { scenario, coordinator, participants, line, backlog, witness, tasks, .. } =
            process;
        let Some(clock) = clock.get().cloned() else { return };
        if backlog.is_empty(scenario.transactions) {
            return;
        }
        let mut draw = Draw::new(scenario.seed, STREAM + coordinator.epoch());
        let pause = draw.between(Duration::ZERO, Duration::from_millis(scenario.think_ms));
        let machine = Machine {
            databases: Databases::new(self.names(), line, tasks.clone()),
            coordinator,
            participants: participants.into(),
            clock,
            draw: Arc::new(Mutex::new(draw)),
            witness: witness.clone(),
        };
        let job = self.job.clone();
        tasks.spawn(async move {
            SimClock.sleep(pause).await;
            let by = witness.by();
            witness.record(Event::OfService { what: ServiceEvent::Begins { by } });
            let error = job(machine).await.err();
            witness.unless_ended().await;
            witness.record(Event::OfService { what: ServiceEvent::Returns { by, error } });
            while let Some(number) = backlog.take(scenario.transactions, by) {
                drop(backlog.under_way(number));
            }
        });
    }

    async fn look(&self, from: impl FnOnce() -> LineOf<Self> + Send) -> Vec<Event> {
        let tasks = Tasks::default();
        let databases = Databases::new(self.names(), from(), tasks.clone());
        let mut events = Vec::new();
        for look in &self.looks {
            let asked = AssertUnwindSafe((look.holds)(databases.clone())).catch_unwind();
            let broken = match within(LOOK, asked).await {
                Some(Ok(Ok(()))) => None,
                Some(Ok(Err(broken))) => Some(broken),
                Some(Err(panic)) => Some(format!("it panics: {}", words(&*panic))),
                None => Some(format!("nobody can say, after {LOOK:?}")),
            };
            let what = ServiceEvent::LooksInto { claim: look.claim.to_owned(), broken };
            events.push(Event::OfService { what });
        }
        tasks.drop_all();
        events
    }
}
