//! A crash at every step of a run: each place loses its power wherever it meets the world, one step
//! after the other, and then two of them in one run.
//!
//! A step is a message that is sent or received, or a call of the disk that begins or has been
//! carried out: all that a crash can come between, as far as anybody else can tell.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::draw::Draw;
use crate::history::Place;
use crate::invariants::Violation;
use crate::scenario::{Cue, Fault, FaultKind, Scenario, Sight, When};
use crate::world::{Run, Runs};

/// The stream that pairs are drawn from.
const STREAM: u64 = 8 << 48;

/// How long a place is down, in milliseconds.
const DOWN_MS: u64 = 100;

/// Where in a run a place crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// Which place.
    pub place: Place,
    /// At which of its steps, from 1.
    pub step: u32,
}

impl Point {
    fn fault(self) -> Fault {
        let cue = Cue { event: Sight::Step, at: Some(self.place), nth: self.step };
        let kind = FaultKind::Crash { place: self.place };
        Fault { when: When::On(cue, 0), for_ms: DOWN_MS, kind }
    }
}

/// A run that broke an invariant.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Where it crashed, in order.
    pub points: Vec<Point>,
    /// The scenario that does it.
    pub scenario: Scenario,
    /// What broke.
    pub violations: Vec<Violation>,
}

/// What a crash at every step came to.
#[derive(Clone, Debug, Default)]
pub struct Crashes {
    /// How many steps each place has, until the faults of the scenario end.
    pub steps: Vec<(Place, u32)>,
    /// How many runs crashed once.
    pub singles: usize,
    /// How many crashed twice.
    pub pairs: usize,
    /// What broke, in order of the points.
    pub broken: Vec<Broken>,
}

/// Crashes the coordinator at every step of the scenario, then each participant, then so many pairs
/// drawn from all of it: of all of them, if they are no more than that.
///
/// What a crash leaves of what was not synced is drawn anew at every step.
pub fn crashes(scenario: &Scenario, runs: &impl Runs, pairs: usize, jobs: usize) -> Crashes {
    let places = [Place::Coordinator(0)]
        .into_iter()
        .chain((0..scenario.participants).map(Place::Participant));
    let steps: Vec<(Place, u32)> =
        places.map(|place| (place, steps(scenario, runs, place))).collect();
    let points = |(place, last): &(Place, u32)| {
        let place = *place;
        (1..=*last).map(move |step| Point { place, step })
    };
    let points: Vec<Point> = steps.iter().flat_map(points).collect();
    let twice = drawn(&points, pairs, scenario.seed);
    let mut all: Vec<Vec<Point>> = points.iter().map(|point| vec![*point]).collect();
    let (singles, pairs) = (all.len(), twice.len());
    all.extend(twice);
    Crashes { steps, singles, pairs, broken: broken(scenario, runs, &all, jobs) }
}

/// How many steps a place has before the end of the faults. That of a later one does not come.
fn steps(scenario: &Scenario, runs: &impl Runs, place: Place) -> u32 {
    let comes = |step| {
        let scenario = crashed(scenario, &[Point { place, step }]);
        let run = runs.run_scenario(&scenario, &[]);
        run.begun.contains_key(&scenario.faults.len().saturating_sub(1))
    };
    let mut beyond = 1;
    while comes(beyond) {
        beyond *= 2;
    }
    let mut last = beyond / 2;
    while last + 1 < beyond {
        let middle = last + (beyond - last) / 2;
        if comes(middle) { last = middle } else { beyond = middle }
    }
    last
}

fn crashed(scenario: &Scenario, points: &[Point]) -> Scenario {
    let mut scenario = scenario.clone();
    scenario.faults.extend(points.iter().map(|point| point.fault()));
    let fate = |fate: u32, point: &Point| fate.wrapping_mul(31).wrapping_add(point.step);
    scenario.disks.fate = points.iter().fold(scenario.disks.fate, fate);
    scenario
}

/// Pairs of points, without repetition.
fn drawn(points: &[Point], most: usize, seed: u64) -> Vec<Vec<Point>> {
    let all = points.len() * points.len().saturating_sub(1) / 2;
    if all <= most {
        let second = |at: usize| points[at + 1..].iter().map(move |second| (at, *second));
        let pairs = (0..points.len()).flat_map(second);
        return pairs.map(|(at, second)| vec![points[at], second]).collect();
    }
    let mut draw = Draw::new(seed, STREAM);
    let mut one = || {
        let at = usize::try_from(draw.below(points.len() as u64)).unwrap_or(0);
        points[at]
    };
    let mut pairs = std::collections::BTreeSet::new();
    while pairs.len() < most {
        let (first, second) = (one(), one());
        if first != second {
            pairs.insert([first.min(second), first.max(second)]);
        }
    }
    pairs.into_iter().map(Vec::from).collect()
}

/// Runs each, on so many threads, and keeps what broke.
fn broken(scenario: &Scenario, runs: &impl Runs, all: &[Vec<Point>], jobs: usize) -> Vec<Broken> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let worker = || {
        while let Some(points) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let scenario = crashed(scenario, points);
            let Run { violations, .. } = runs.run_scenario(&scenario, &[]);
            if !violations.is_empty() {
                let one = Broken { points: points.clone(), scenario, violations };
                found.lock().unwrap_or_else(PoisonError::into_inner).push(one);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(worker);
        }
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by(|one, other| one.points.cmp(&other.points));
    found
}
