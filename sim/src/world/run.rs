//! Running a scenario to its verdict.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc;
use indoubt::{Clock, CoordinatorId};
use madsim::runtime::{Handle, Runtime};

use super::control::{COORDINATORS, Host, World, lock, network_size};
use super::faults::{Struck, link};
use super::ordered::{self, Carried, Ordered};
use super::participant::Slot;
use super::rest::{close, come_to_rest};
use super::rival::Rival;
use super::{Seams, Shipped, SimClock, Timed};
use crate::disk::{DiskStats, SimDisk};
use crate::explore::{self, Inclusion, Retold, Rules};
use crate::history::{Event, History, Place, Recorder};
use crate::invariants::{Invariant, Violation, judge};
use crate::net::{NetStats, Network};
use crate::participant::Durable;
use crate::scenario::Scenario;
use crate::trace::Trace;
use crate::workload::{Backlog, seeded_rows};

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
    /// Messages sent.
    pub messages: u64,
    /// How long it lasted, in virtual time.
    pub lasted: Duration,
    /// How far it followed its order, if it has one. A disagreement is a violation too.
    pub carried: Option<Carried>,
}

impl Run {
    /// Also judges whether the explorer allows what happened: what it does not is a violation.
    pub fn follow(&mut self, inclusion: &Inclusion) {
        if let Err(strange) = inclusion.follow(&self.history) {
            let what = strange.to_string();
            self.violations.push(Violation { invariant: Invariant::AsExplored, what });
        }
    }
}

/// How often each kind of fault fired, by name.
pub type FaultCounts = Vec<(&'static str, u64)>;

/// Runs a scenario with the shipped parts.
///
/// Not inside another madsim runtime.
pub fn run(scenario: &Scenario) -> Run {
    run_with(scenario, Shipped)
}

/// Runs a scenario with something between the shipped parts.
///
/// A panic in a run ends it and is a violation like any other, with the history up to there.
pub fn run_with<S: Seams>(scenario: &Scenario, seams: S) -> Run {
    run_beside(scenario, seams, explore::Shipped)
}

/// The same. A scenario's order, if it has one, is held against what the explorer makes of it
/// under these rules.
pub fn run_beside<S: Seams>(scenario: &Scenario, seams: S, rules: impl Rules) -> Run {
    let recorder = Recorder::default();
    let runtime = Runtime::with_seed_and_config(scenario.seed, madsim::Config::default());
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let retold = scenario.order.as_ref().map(|order| {
            Retold::new(rules, order.size, &order.actions)
                .expect("the order of a scenario that has been checked")
        });
        runtime.block_on(live(scenario.clone(), seams, recorder.clone(), retold))
    }));
    lived.unwrap_or_else(|panic| {
        let (history, trace) = recorder.finish();
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let what = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        let violations = vec![Violation { invariant: Invariant::NoPanic, what }];
        let lasted = history
            .entries()
            .last()
            .map_or(Duration::ZERO, |last| Duration::from_micros(last.at_us));
        Run {
            history,
            hash: trace.hash(),
            violations,
            faults: Vec::new(),
            messages: 0,
            lasted,
            carried: None,
        }
    })
}

async fn live<S: Seams>(
    scenario: Scenario,
    seams: S,
    recorder: Recorder,
    retold: Option<Retold>,
) -> Run {
    let (panics, panicked) = mpsc::unbounded();
    let (ordered, held) = retold.is_some().then(Ordered::new).unzip();
    let world = Arc::new(world(scenario, seams, recorder.clone(), panics, ordered));
    let supervisor = madsim::task::spawn(supervise(world.clone(), panicked));
    begin(&world);
    let carried = if let (Some(held), Some(retold)) = (held, retold) {
        ordered::perform(&world, held, retold).await
    } else {
        suffer(&world).await;
        None
    };
    let rested = come_to_rest(&world).await;
    close(&world, rested).await;
    let lasted = world.events.now();
    supervisor.abort();
    let (history, mut trace) = recorder.finish();
    let (faults, messages) = tally(&world, &mut trace);
    dismantle(&world);
    let mut violations = judge(&history);
    if let Some(differs @ Carried::Disagreement { .. }) = &carried {
        violations.push(Violation { invariant: Invariant::AsExplored, what: differs.to_string() });
    }
    Run { violations, history, hash: trace.hash(), faults, messages, lasted, carried }
}

fn world<S: Seams>(
    scenario: Scenario,
    seams: S,
    recorder: Recorder,
    panics: mpsc::UnboundedSender<(u8, u64)>,
    ordered: Option<Ordered<S>>,
) -> World<S> {
    let places = COORDINATORS + scenario.participants;
    let host = |index: u8| Host {
        node: Handle::current().create_node().name(format!("place-{index}")).build().id(),
        up: false,
        life: 0,
        witness: None,
    };
    let slot = |p: u8| {
        let disk =
            SimDisk::new(scenario.seed, DISKS + 1 + u64::from(p), scenario.disks.of_participant());
        Slot::new(disk, Durable::seeded(&seeded_rows(&scenario, p)))
    };
    World {
        seams,
        // A valid id, as its own test would tell.
        owner: "sim".parse::<CoordinatorId>().expect("a valid coordinator id"),
        events: Timed::start(recorder),
        net: Network::new(scenario.seed, network_size(&scenario), link(&scenario.network)),
        backlog: Backlog::default(),
        ordered,
        log_disk: SimDisk::new(scenario.seed, DISKS, scenario.disks.of_log()),
        rival: Rival::default(),
        hazards: Mutex::default(),
        slots: (0..scenario.participants).map(slot).collect(),
        hosts: Mutex::new((0..places).map(host).collect()),
        current: Mutex::new(None),
        panics,
        struck: Mutex::default(),
        scenario: Arc::new(scenario),
    }
}

fn begin<S: Seams>(world: &Arc<World<S>>) {
    let scenario = &world.scenario;
    world
        .events
        .record(Event::Run { participants: scenario.participants, calm: scenario.is_calm() });
    if let Some(waits) = scenario.waits() {
        world.events.record(Event::Promised { waits });
    }
    for p in 0..scenario.participants {
        for (key, value) in seeded_rows(scenario, p) {
            world.events.record(Event::Seeded { p, key, value });
        }
        world.start(Place::Participant(p));
    }
    if scenario.order.is_some() {
        world.backlog.begin_none(scenario.transactions);
    }
    world.start(Place::Coordinator(0));
}

/// The first half: the faults, in order of time, until all of them end.
async fn suffer<S: Seams>(world: &Arc<World<S>>) {
    let heal = Duration::from_millis(world.scenario.heal_ms);
    let mut strokes: Vec<(Duration, bool, usize)> = Vec::new();
    for (index, fault) in world.scenario.faults.iter().enumerate() {
        strokes.push((Duration::from_millis(fault.at_ms), true, index));
        strokes.push((Duration::from_millis(fault.at_ms + fault.for_ms), false, index));
    }
    strokes.sort();
    for (at, begins, index) in strokes.into_iter().take_while(|(at, ..)| *at < heal) {
        wait_until(world, at).await;
        let fault = &world.scenario.faults[index];
        if begins { world.begin(fault) } else { world.end(&fault.kind) }
    }
    wait_until(world, heal).await;
    if world.scenario.traffic.is_some() {
        world.backlog.begin_none(world.scenario.transactions);
    }
    world.heal();
}

async fn wait_until<S: Seams>(world: &World<S>, at: Duration) {
    let now = world.events.now();
    if at > now {
        SimClock.sleep(at.saturating_sub(now)).await;
    }
}

/// Starts participants again whose disks made them panic.
async fn supervise<S: Seams>(
    world: Arc<World<S>>,
    mut panicked: mpsc::UnboundedReceiver<(u8, u64)>,
) {
    while let Some((p, life)) = panicked.next().await {
        let place = Place::Participant(p);
        let same = {
            let hosts = lock(&world.hosts);
            let host = &hosts[usize::from(COORDINATORS + p)];
            host.up && host.life == life
        };
        if same {
            lock(&world.struck).panics += 1;
            world.crash(place);
            SimClock.sleep(Duration::from_millis(100)).await;
            world.start(place);
        }
    }
}

fn tally<S: Seams>(world: &World<S>, trace: &mut Trace) -> (FaultCounts, u64) {
    let net: NetStats = world.net.stats();
    trace.word(world.net.trace_hash());
    let mut disk = DiskStats::default();
    let disks = world.slots.iter().flat_map(Slot::disks);
    for one in disks.chain([world.log_disk.clone()]) {
        trace.word(one.trace_hash());
        disk.add(&one.stats());
    }
    let Struck {
        coordinator_crashes,
        participant_crashes,
        panics,
        cuts,
        one_way_cuts,
        takeovers,
        rivals,
        forgets,
        failovers,
    } = *lock(&world.struck);
    let counts = vec![
        ("messages lost", net.lost),
        ("messages duplicated", net.duplicated),
        ("messages reordered", net.reordered),
        ("messages slow", net.slowed),
        ("messages into a cut", net.cut_dropped),
        ("messages to the dead", net.dead_dropped),
        ("cuts", cuts),
        ("one-way cuts", one_way_cuts),
        ("coordinator crashes", coordinator_crashes),
        ("participant crashes", participant_crashes),
        ("participant panics", panics),
        ("takeovers", takeovers),
        ("rivals", rivals),
        ("losses of evidence", forgets),
        ("failovers", failovers),
        ("syncs failed", disk.failed_syncs),
        ("short writes", disk.short_writes),
        ("reads failed", disk.read_errors),
        ("writes to a full disk", disk.full_disk),
        ("calls of a stuck disk", disk.stuck),
        ("unsynced tails lost", disk.tails_lost),
        ("unsynced tails torn", disk.tails_torn),
    ];
    (counts, net.sent)
}

/// Without this a run leaks: the tasks of a runtime that has ended are dropped only if their
/// nodes were killed.
fn dismantle<S: Seams>(world: &World<S>) {
    for place in 0..COORDINATORS {
        world.crash(Place::Coordinator(place));
    }
    for p in 0..world.scenario.participants {
        world.crash(Place::Participant(p));
    }
    world.stop_rival();
}
