//! Breadth-first search, level by level, on as many threads as asked.
//!
//! A level is finished before anything found in it is reported, so a counterexample is a
//! shortest one, and the counts do not depend on the number of threads.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::claim::Reached;
use super::rules::Rules;
use super::state::{Packed, State};
use super::story::Story;
use super::system::System;
use super::threads::on_threads;
use super::visited::{Batch, Visited, fingerprint, is_linked};
use crate::invariants::Invariant;
use crate::story::Action;

/// How many states a thread takes at a time.
const BATCH: usize = 512;

/// What a search may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Threads.
    pub threads: usize,
    /// Memory for states, in bytes.
    pub bytes: u64,
}

/// How far a search is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Unique states seen.
    pub states: u64,
    /// Steps taken to find them.
    pub steps: u64,
    /// Steps from the beginning.
    pub depth: u32,
    /// States that wait to be expanded at this depth.
    pub frontier: u64,
    /// Memory for states, in bytes.
    pub bytes: u64,
}

/// Why a search ended.
#[derive(Clone, Debug)]
pub enum End {
    /// There is no other state.
    Exhausted,
    /// The memory limit was reached: every state within `Progress::depth` steps was checked,
    /// and some beyond.
    OutOfMemory,
    /// An invariant was broken.
    Broken(Box<Story>),
}

/// What a search has found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Why it ended.
    pub end: End,
    /// How far it came.
    pub progress: Progress,
    /// What was reached.
    pub reached: Reached,
    /// The most memory it took for states, in bytes.
    pub peak_bytes: u64,
}

/// The first broken invariant of a level: the order makes it the same in every search.
type Broken = (u64, usize, Invariant);

/// What one thread makes of its share of a level.
#[derive(Default)]
struct Share {
    next: Vec<Packed>,
    reached: Reached,
    broken: Option<Broken>,
    /// Steps that were taken and whose ends are not noted yet.
    taken: Vec<Taken>,
    batch: Batch,
    /// Which of them led to a new state.
    new: Vec<usize>,
}

/// A step: from which state, the number of its action there, and where to.
#[derive(Clone, Copy)]
struct Taken {
    parent: u64,
    action: usize,
    next: Packed,
}

struct Level<'a, R: Rules> {
    system: &'a System<R>,
    visited: &'a Visited,
    frontier: &'a [Packed],
    depth: u32,
    taken: AtomicUsize,
    states: &'a AtomicU64,
    steps: &'a AtomicU64,
    limit: u64,
}

/// Explores a system until there is nothing new, an invariant breaks, or memory runs out.
pub fn search<R: Rules>(
    system: &System<R>,
    limits: Limits,
    progress: impl Fn(Progress) + Sync,
) -> Found {
    let visited = Visited::new();
    let first = system.representative(&system.initial());
    let mut batch = Batch::default();
    batch.add(0, fingerprint(&first), 0);
    visited.insert(&batch, 0, |_| {});
    let (states, steps) = (AtomicU64::new(1), AtomicU64::new(0));
    let mut frontier = vec![first];
    let mut reached = Reached::default();
    let (mut depth, mut peak_bytes) = (0, 0);
    let end = loop {
        let level = Level {
            system,
            visited: &visited,
            frontier: &frontier,
            depth,
            taken: AtomicUsize::new(0),
            states: &states,
            steps: &steps,
            limit: limits.bytes,
        };
        let shares: Vec<Share> = on_threads(limits.threads, |first| {
            level.expand(|so_far| {
                if first {
                    progress(so_far);
                }
            })
        });
        let stopped = level.taken.load(Ordering::Relaxed) < frontier.len();
        peak_bytes = peak_bytes.max(level.bytes(shares.iter().map(|share| share.next.len()).sum()));
        for share in &shares {
            reached.join(share.reached);
        }
        if let Some(broken) = shares.iter().filter_map(|share| share.broken).min() {
            break End::Broken(Box::new(story(system, &visited, broken)));
        }
        if stopped {
            break End::OutOfMemory;
        }
        let mut shares = shares.into_iter().map(|share| share.next);
        let mut next = shares.next().unwrap_or_default();
        shares.for_each(|mut share| next.append(&mut share));
        if next.is_empty() {
            break End::Exhausted;
        }
        depth += 1;
        frontier = next;
    };
    let progress = Progress {
        states: states.into_inner(),
        steps: steps.into_inner(),
        depth,
        frontier: frontier.len() as u64,
        bytes: visited.bytes(),
    };
    Found { end, progress, reached, peak_bytes }
}

impl<R: Rules> Level<'_, R> {
    fn bytes(&self, next: usize) -> u64 {
        self.visited.bytes() + ((self.frontier.len() + next) * size_of::<Packed>()) as u64
    }

    /// Expands states until none is left, or memory is.
    fn expand(&self, progress: impl Fn(Progress)) -> Share {
        let mut share = Share::default();
        loop {
            // A growing vector can hold twice what is in it.
            let bytes = self.bytes(4 * share.next.len());
            if bytes > self.limit {
                return share;
            }
            let from = self.taken.fetch_add(BATCH, Ordering::Relaxed);
            if from >= self.frontier.len() {
                return share;
            }
            let to = self.frontier.len().min(from + BATCH);
            let steps = self.frontier[from..to]
                .iter()
                .map(|packed| self.expand_one(packed, &mut share))
                .sum();
            let known = share.next.len();
            self.note(&mut share);
            let states = (share.next.len() - known) as u64;
            let states = self.states.fetch_add(states, Ordering::Relaxed) + states;
            let steps = self.steps.fetch_add(steps, Ordering::Relaxed) + steps;
            let frontier = (self.frontier.len() - from) as u64;
            progress(Progress { states, steps, depth: self.depth, frontier, bytes });
        }
    }

    /// Takes every step from a state, and tells how many there are.
    fn expand_one(&self, packed: &Packed, share: &mut Share) -> u64 {
        let parent = fingerprint(packed);
        let state = State::unpack(packed);
        let mut action = 0;
        self.system.enabled(&state, |one| {
            let after = self.system.after(&state, one);
            share.reached.join(after.reached);
            if let Some(invariant) = after.broken {
                first(&mut share.broken, (parent, action, invariant));
            } else {
                let next = self.system.representative(&after.state);
                share.batch.add(share.taken.len(), fingerprint(&next), parent);
                share.taken.push(Taken { parent, action, next });
            }
            action += 1;
        });
        action as u64
    }

    /// Notes where the steps led, and judges what is new there.
    fn note(&self, share: &mut Share) {
        share.new.clear();
        self.visited.insert(&share.batch, self.depth + 1, |number| share.new.push(number));
        for number in &share.new {
            let Taken { parent, action, next } = share.taken[*number];
            share.next.push(next);
            let state = State::unpack(&next);
            if self.system.is_still(&state)
                && let (Some(invariant), _) = self.system.settle(&state)
            {
                first(&mut share.broken, (parent, action, invariant));
            }
        }
        share.batch.clear();
        share.taken.clear();
    }
}

/// Keeps the one that comes first.
fn first(known: &mut Option<Broken>, broken: Broken) {
    *known = Some(known.map_or(broken, |known| known.min(broken)));
}

/// The way to a broken invariant, replayed from the beginning with everybody's own names.
fn story<R: Rules>(system: &System<R>, visited: &Visited, broken: Broken) -> Story {
    let (last, action, _) = broken;
    let mut links = vec![last];
    while let Some(link) = links.last().and_then(|link| visited.parent(*link)) {
        // The first state has no parent.
        if is_linked(link, 0) {
            break;
        }
        links.push(link);
    }
    let mut state = system.initial();
    let mut actions = Vec::new();
    for link in links.iter().rev().skip(1) {
        let leads_there = |action: &Action| {
            let next = system.representative(&system.after(&state, *action).state);
            is_linked(fingerprint(&next), *link)
        };
        if let Some(action) = system.actions(&state).into_iter().find(leads_there) {
            state = system.after(&state, action).state;
            actions.push(action);
        }
    }
    // The state here may be a renaming of the one that was expanded, so its actions may come in
    // another order: the broken one is looked for, and taken by its number only in a tie.
    let breaks = |candidate: &Action| system.breaks(&state, *candidate).is_some();
    let candidates = system.actions(&state);
    let exact = candidates.get(action).copied().filter(&breaks);
    actions.extend(exact.or_else(|| candidates.into_iter().find(breaks)));
    Story::tell(system, actions)
}
