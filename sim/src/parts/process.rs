//! A coordinator's process, as what lives in it has it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{AbortHandle, abortable};
use indoubt::{Coordinator, Deadlines};

use super::{Backlog, LineOf, Parts, WatchedLog};
use crate::edge::Witness;
use crate::history::Waits;
use crate::lock::lock;
use crate::scenario::Scenario;

/// A coordinator that has come up, and what is around it.
pub struct Process<P: Parts> {
    /// The run's scenario.
    pub scenario: Arc<Scenario>,
    /// The coordinator; its driver runs.
    pub coordinator: Coordinator,
    /// The participants by number.
    pub participants: Vec<P::Participant>,
    /// Its line to all of them.
    pub line: LineOf<P>,
    /// Its log as it is, with nothing before it.
    pub log: WatchedLog<P>,
    /// What there is to do.
    pub backlog: Backlog,
    /// Who writes its history, and where it runs.
    pub witness: Witness,
    /// What runs in it beside the driver.
    pub tasks: Tasks,
}

/// What runs in a coordinator's process beside its driver. Clones are of the same process.
#[derive(Clone, Default)]
pub struct Tasks(Arc<Mutex<Vec<AbortHandle>>>);

impl Tasks {
    /// Spawns one. It may hold handles of the coordinator.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // In a box: it is large, and is moved before it runs.
        let (task, handle) = abortable(Box::pin(task));
        lock(&self.0).push(handle);
        madsim::task::spawn(task);
    }

    /// Drops all of them where they are, with all that they hold.
    pub(crate) fn drop_all(&self) {
        lock(&self.0).drain(..).for_each(|task| task.abort());
    }
}

/// The terms of a run: how long things take that are neither the network's nor the disks', and what
/// may be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The coordinator's deadlines.
    pub deadlines: Deadlines,
    /// After this long without work a session that is not prepared is rolled back.
    pub idle: Duration,
    /// Whether there can be another process under the coordinator's id.
    pub rival: bool,
    /// Whether nothing can fail.
    pub calm: bool,
    /// What whoever waits is promised, if anything is.
    pub waits: Option<Waits>,
}

impl Terms {
    /// As a scenario has it.
    pub fn of(scenario: &Scenario) -> Self {
        let step = Duration::from_millis(scenario.deadline_ms);
        let deadlines = Deadlines {
            begin: step,
            prepare: step,
            force: step,
            finish: step,
            acknowledge: Duration::from_millis(scenario.acknowledge_ms),
            scan: step,
            recovery_interval: Duration::from_millis(scenario.recovery_ms),
        };
        let (calm, waits) = (scenario.is_calm(), scenario.waits());
        Self { deadlines, idle: 4 * step, rival: true, calm, waits: Some(waits) }
    }
}
