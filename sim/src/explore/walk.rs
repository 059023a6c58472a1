//! Random walks, for systems too large to exhaust.
//!
//! One seed decides all of a walk. Faults are drawn less often than what they disturb, or a
//! walk would spend its budget before there is anything to disturb.

use std::sync::atomic::{AtomicU64, Ordering};

use super::claim::Reached;
use super::rules::Rules;
use super::story::Story;
use super::system::System;
use super::threads::on_threads;
use crate::draw::Draw;
use crate::story::Action;

/// What to walk.
#[derive(Clone, Copy, Debug)]
pub struct Walks {
    /// The seed; the n-th walk draws from its n-th stream.
    pub seed: u64,
    /// How many walks.
    pub walks: u64,
    /// How many times as often an ordinary step is taken as a fault.
    pub against_faults: u64,
}

/// What walks have found.
#[derive(Clone, Debug)]
pub struct Walked {
    /// Walks begun.
    pub walks: u64,
    /// Steps taken.
    pub steps: u64,
    /// What was reached.
    pub reached: Reached,
    /// The first walk, by number, that broke an invariant.
    pub broken: Option<Box<Story>>,
}

/// A walk that has not come to its end by then has gone round in circles.
const LONGEST: usize = 400;

/// How many walks a thread takes at a time.
const BATCH: u64 = 64;

/// What a thread needs for one walk after the other.
#[derive(Default)]
struct Walker {
    enabled: Vec<Action>,
    taken: Vec<Action>,
    walks: u64,
    steps: u64,
    reached: Reached,
    broken: Option<(u64, Vec<Action>)>,
}

impl<R: Rules> System<R> {
    /// Walks at random until an invariant breaks or all walks are done. `progress` is told of
    /// walks and steps.
    pub fn walk(&self, plan: Walks, threads: usize, progress: impl Fn(u64, u64) + Sync) -> Walked {
        let (next, end) = (AtomicU64::new(0), AtomicU64::new(plan.walks));
        let steps = AtomicU64::new(0);
        let walkers = on_threads(threads, |first| {
            let mut walker = Walker::default();
            loop {
                let from = next.fetch_add(BATCH, Ordering::Relaxed);
                let before = walker.steps;
                for number in from..from.saturating_add(BATCH) {
                    // No walk after one that broke something is needed, and every one before is.
                    if number >= end.load(Ordering::Relaxed) {
                        return walker;
                    }
                    if self.walk_once(plan, number, &mut walker) {
                        end.fetch_min(number, Ordering::Relaxed);
                        walker.broken = Some((number, walker.taken.clone()));
                    }
                }
                let steps = steps.fetch_add(walker.steps - before, Ordering::Relaxed);
                if first {
                    progress(from + BATCH, steps + walker.steps - before);
                }
            }
        });
        let mut walked = Walked { walks: 0, steps: 0, reached: Reached::default(), broken: None };
        for walker in &walkers {
            walked.walks += walker.walks;
            walked.steps += walker.steps;
            walked.reached.join(walker.reached);
        }
        let broken = walkers.into_iter().filter_map(|walker| walker.broken).min_by_key(|one| one.0);
        walked.broken = broken.map(|(_, taken)| Box::new(Story::tell(self, taken)));
        walked
    }

    /// The story of one of these walks, counted from 0.
    pub fn walked(&self, plan: Walks, number: u64) -> Story {
        let mut walker = Walker::default();
        self.walk_once(plan, number, &mut walker);
        Story::tell(self, walker.taken)
    }

    /// Whether it ends by breaking an invariant.
    fn walk_once(&self, plan: Walks, number: u64, walker: &mut Walker) -> bool {
        let mut draw = Draw::new(plan.seed, number);
        let mut state = self.initial();
        let weight =
            |action: &Action| if action.cost() == 0 { plan.against_faults.max(1) } else { 1 };
        let Walker { enabled, taken, .. } = walker;
        walker.walks += 1;
        taken.clear();
        while taken.len() < LONGEST {
            let mut total = 0;
            enabled.clear();
            self.enabled(&state, |action| {
                total += weight(&action);
                enabled.push(action);
            });
            let mut drawn = draw.below(total);
            let chosen = enabled.iter().find(|action| {
                let weight = weight(action);
                let chosen = drawn < weight;
                drawn = drawn.saturating_sub(weight);
                chosen
            });
            let Some(action) = chosen else { break };
            let after = self.after(&state, *action);
            taken.push(*action);
            walker.steps += 1;
            walker.reached.join(after.reached);
            state = after.state;
            let unsettled = || self.is_still(&state) && self.settle(&state).0.is_some();
            if after.broken.is_some() || unsettled() {
                return true;
            }
        }
        false
    }
}
