//! Running a scenario to its verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc;
use futures::future::{Either, select};
use indoubt::{Clock, CoordinatorId};
use madsim::runtime::{Handle, Runtime};

use super::FaultCounts;
use super::control::{COORDINATORS, Host, World, network_size};
use super::cues::{Cues, Stroke};
use super::ends::supervise;
use super::faults::link;
use super::participant::Slot;
use super::rest::{close, come_to_rest};
use super::rival::Rival;
use crate::disk::SimDisk;
use crate::history::{Event, History, Place, Recorder};
use crate::invariants::{Claim, Violation, verdict, words};
use crate::net::Network;
use crate::parts::{Backlog, Counts, Kind, LockWaits, Parts};
use crate::scenario::{Scenario, When};
use crate::sentry::Sentry;
use crate::time::{SimClock, Timed};
use crate::trace::Trace;

/// The first of the disks' streams; the network seeds its links by itself.
const DISKS: u64 = 4 << 48;

/// A run that is over.
#[derive(Clone, Debug)]
pub struct Run {
    /// What happened.
    pub history: History,
    /// A hash over everything that happened, messages and disk operations included. The same
    /// scenario gives the same hash in any process on any machine.
    pub hash: u64,
    /// The verdict: every invariant that the history breaks.
    pub violations: Vec<Violation>,
    /// How often each kind of fault fired.
    pub faults: FaultCounts,
    /// The faults of the schedule that began, by number, and when each did: one whose event does not
    /// come does not.
    pub begun: BTreeMap<usize, Duration>,
    /// Messages sent.
    pub messages: u64,
    /// How long it lasted, in virtual time.
    pub lasted: Duration,
}

/// Whatever runs scenarios and judges them: [`Parts`], or a choice among several by what the scenario
/// says.
pub trait Runs: Sync {
    /// Runs a scenario, and asks these claims of it beside the invariants.
    fn run_scenario(&self, scenario: &Scenario, claims: &[Claim]) -> Run;
}

impl<P: Parts> Runs for P {
    fn run_scenario(&self, scenario: &Scenario, claims: &[Claim]) -> Run {
        run_with(scenario, self.clone(), claims)
    }
}

/// Runs a scenario with these parts, and asks these claims of it beside the invariants.
///
/// Not inside another madsim runtime. A panic in a run ends it and is a violation like any other,
/// with the history up to there.
pub fn run_with<P: Parts>(scenario: &Scenario, parts: P, claims: &[Claim]) -> Run {
    run_of(scenario, parts, claims, async |world| suffer(world).await)
}

/// The same, with another first half than the faults of the scenario.
pub(crate) fn run_of<P: Parts>(
    scenario: &Scenario,
    parts: P,
    claims: &[Claim],
    first_half: impl AsyncFnOnce(&Arc<World<P>>),
) -> Run {
    let recorder = Recorder::default();
    let runtime = Runtime::with_seed_and_config(scenario.seed, madsim::Config::default());
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let world = live(scenario.clone(), parts, recorder.clone(), first_half);
        runtime.block_on(world)
    }));
    let Life { history, trace, faults, begun, messages } = lived.unwrap_or_else(|panic| {
        recorder.record_now(Event::Panicked { what: words(&*panic) });
        let (history, trace) = recorder.finish();
        Life { history, trace, faults: FaultCounts::new(), begun: BTreeMap::new(), messages: 0 }
    });
    let violations = verdict(&history, claims);
    let lasted = history.entries().last().map_or(0, |last| last.at_us);
    let lasted = Duration::from_micros(lasted);
    Run { history, hash: trace.hash(), violations, faults, begun, messages, lasted }
}

/// A run that has not been judged yet.
struct Life {
    history: History,
    trace: Trace,
    faults: FaultCounts,
    begun: BTreeMap<usize, Duration>,
    messages: u64,
}

async fn live<P: Parts>(
    scenario: Scenario,
    parts: P,
    recorder: Recorder,
    first_half: impl AsyncFnOnce(&Arc<World<P>>),
) -> Life {
    let (ends, ended) = mpsc::unbounded();
    let world = Arc::new(world(scenario, parts, recorder.clone(), ends));
    let supervisor = madsim::task::spawn(supervise(world.clone(), ended));
    begin(&world);
    first_half(&world).await;
    let rested = come_to_rest(&world).await;
    close(&world, rested).await;
    supervisor.abort();
    let (history, mut trace) = recorder.finish();
    let (faults, messages) = world.tally(&mut trace);
    let begun = world.cues.begun();
    dismantle(&world);
    Life { history, trace, faults, begun, messages }
}

fn world<P: Parts>(
    scenario: Scenario,
    parts: P,
    recorder: Recorder,
    ends: mpsc::UnboundedSender<(Place, u64)>,
) -> World<P> {
    let places = COORDINATORS + scenario.participants;
    let host = |index: u8| Host {
        node: Handle::current().create_node().name(format!("place-{index}")).build().id(),
        up: false,
        paused: false,
        life: 0,
        killed: false,
        turn: 0,
        mount: None,
        witness: None,
    };
    let sentry = Sentry::default();
    let machines = (0..scenario.participants).map(Place::Participant);
    let machines = [Place::Coordinator(0)].into_iter().chain(machines);
    let clocks = machines.map(|place| scenario.clock_of(place)).collect();
    let disk = |stream, latency, place| {
        let disk = SimDisk::new(scenario.seed, stream, latency).fated(scenario.disks.fate);
        disk.of(place, sentry.clone())
    };
    let slot = |p: u8| {
        let (stream, latency) = (DISKS + 1 + u64::from(p), scenario.disks.of_participant());
        let disk = disk(stream, latency, Place::Participant(p));
        Slot::new(disk, parts.kind().kept(p, &parts.seeded(&scenario, p)))
    };
    World {
        // A valid id, as its own test would tell.
        owner: "sim".parse::<CoordinatorId>().expect("a valid coordinator id"),
        terms: parts.terms(&scenario),
        events: Timed::start(recorder, sentry.clone()),
        net: Network::new(scenario.seed, network_size(&scenario), link(&scenario.network))
            .told(sentry.clone()),
        backlog: Backlog::default(),
        log_disk: disk(DISKS, scenario.disks.of_log(), Place::Coordinator(0)),
        rival: Rival::default(),
        hazards: Mutex::default(),
        slots: (0..scenario.participants).map(slot).collect(),
        locks: LockWaits::new(scenario.locks.timeout()),
        counts: Counts::default(),
        hosts: Mutex::new((0..places).map(host).collect()),
        current: Mutex::new(None),
        ends,
        struck: Mutex::default(),
        clocks,
        flapping: Mutex::default(),
        cues: Cues::default(),
        sentry,
        parts,
        scenario: Arc::new(scenario),
    }
}

fn begin<P: Parts>(world: &Arc<World<P>>) {
    let scenario = &world.scenario;
    let (participants, calm) = (scenario.participants, world.terms.calm);
    world.events.record(Event::Run { participants, calm, marked: world.parts.marks() });
    if let Some(waits) = world.terms.waits {
        world.events.record(Event::Promised { waits });
    }
    for p in 0..scenario.participants {
        for (key, value) in world.parts.seeded(scenario, p) {
            world.events.record(Event::Seeded { p, key, value });
        }
        world.start(Place::Participant(p));
    }
    world.start(Place::Coordinator(0));
}

/// The first half: the faults, in order of time, until all of them end.
async fn suffer<P: Parts>(world: &Arc<World<P>>) {
    let heal = Duration::from_millis(world.scenario.heal_ms);
    let mut strokes: BTreeSet<(Duration, Stroke)> = BTreeSet::new();
    for (index, fault) in world.scenario.faults.iter().enumerate() {
        if let When::At(ms) = fault.when {
            strokes.insert((Duration::from_millis(ms), Stroke::Begin(index)));
            strokes.insert((Duration::from_millis(ms + fault.for_ms), Stroke::End(index)));
        }
    }
    world.listen();
    let mut later = world.cues.strokes();
    loop {
        while let Ok(stroke) = later.try_recv() {
            strokes.insert(stroke);
        }
        let next = strokes.first().map_or(heal, |(due, _)| heal.min(*due));
        let pause = std::pin::pin!(wait_until(world, next));
        if let Either::Left((Some(stroke), _)) = select(later.next(), pause).await {
            strokes.insert(stroke);
            continue;
        }
        if next >= heal {
            break;
        }
        if let Some((_, stroke)) = strokes.pop_first() {
            world.strike(stroke);
        }
    }
    if world.scenario.traffic.is_some() {
        world.backlog.begin_none(world.scenario.transactions);
    }
    world.heal();
}

async fn wait_until<P: Parts>(world: &World<P>, at: Duration) {
    let now = world.events.now();
    if at > now {
        SimClock.sleep(at.saturating_sub(now)).await;
    }
}

/// Without this a run leaks: the tasks of a runtime that has ended are dropped only if their
/// nodes were killed.
fn dismantle<P: Parts>(world: &World<P>) {
    for place in 0..COORDINATORS {
        world.crash(Place::Coordinator(place));
    }
    for p in 0..world.scenario.participants {
        world.crash(Place::Participant(p));
    }
    world.stop_rival();
}
