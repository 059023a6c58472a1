//! Random walks, for systems too large to exhaust.
//!
//! One seed decides all of a walk. Faults are drawn less often than what they disturb, or a
//! walk would spend its budget before there is anything to disturb.

use super::action::Action;
use super::claim::Reached;
use super::rules::Rules;
use super::story::Story;
use super::system::System;
use crate::draw::Draw;

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
    /// The first walk that broke an invariant.
    pub broken: Option<Box<Story>>,
}

/// A walk that has not come to its end by then has gone round in circles.
const LONGEST: usize = 400;

impl<R: Rules> System<R> {
    /// Walks at random until an invariant breaks or all walks are done. `progress` is told of
    /// walks and steps.
    pub fn walk(&self, plan: Walks, progress: impl Fn(u64, u64)) -> Walked {
        let mut walked = Walked { walks: 0, steps: 0, reached: Reached::default(), broken: None };
        while walked.walks < plan.walks && walked.broken.is_none() {
            self.walk_once(plan, &mut walked);
            walked.walks += 1;
            progress(walked.walks, walked.steps);
        }
        walked
    }

    /// The story of one of these walks, counted from 0.
    pub fn walked(&self, plan: Walks, number: u64) -> Story {
        let mut walked =
            Walked { walks: number, steps: 0, reached: Reached::default(), broken: None };
        let taken = self.walk_once(plan, &mut walked);
        Story::tell(self, taken)
    }

    fn walk_once(&self, plan: Walks, walked: &mut Walked) -> Vec<Action> {
        let mut draw = Draw::new(plan.seed, walked.walks);
        let mut state = self.initial();
        let mut taken = Vec::new();
        while taken.len() < LONGEST {
            let actions = self.actions(&state);
            let weight = |cost: u8| if cost == 0 { plan.against_faults.max(1) } else { 1 };
            let total = actions.iter().map(|action| weight(action.cost())).sum();
            let mut drawn = draw.below(total);
            let chosen = actions.into_iter().find(|action| {
                let weight = weight(action.cost());
                let chosen = drawn < weight;
                drawn = drawn.saturating_sub(weight);
                chosen
            });
            let Some(action) = chosen else { break };
            taken.push(action);
            walked.steps += 1;
            if self.breaks(&state, action).is_some() {
                walked.broken = Some(Box::new(Story::tell(self, taken.clone())));
                break;
            }
            let after = self.after(&state, action);
            walked.reached.join(after.reached);
            state = after.state;
        }
        taken
    }
}
