//! A way through the system, told in the protocol's terms, and replayed.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::rules::Rules;
use super::state::State;
use super::system::System;
use crate::invariants::Invariant;
use crate::story::{Action, Size};

/// A numbered story: what happened, what it broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// In which system.
    pub size: Size,
    /// What happened, in order.
    pub actions: Vec<Action>,
    /// What undisturbed recovery then did, if the invariant is about what is left at rest.
    pub settling: Vec<Action>,
    /// The invariant that broke, by its name.
    pub broken: Option<String>,
}

/// A story does not happen in the system that it is told of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("step {number} of the story cannot happen there: {action}")]
pub struct Untrue {
    /// Which step, from 1.
    pub number: usize,
    /// What cannot happen.
    pub action: Action,
}

impl<R: Rules> System<R> {
    /// The invariant that an action breaks, at once or in what undisturbed recovery makes of it.
    pub(super) fn breaks(&self, state: &State, action: Action) -> Option<Invariant> {
        let after = self.after(state, action);
        after.broken.or_else(|| {
            if self.is_still(&after.state) { self.settle(&after.state).0 } else { None }
        })
    }

    /// What these actions lead to.
    ///
    /// # Errors
    /// One of them cannot happen.
    pub fn replay(&self, actions: &[Action]) -> Result<Story, Untrue> {
        let mut state = self.initial();
        for (number, action) in actions.iter().enumerate() {
            if !self.actions(&state).contains(action) {
                return Err(Untrue { number: number + 1, action: *action });
            }
            state = self.after(&state, *action).state;
        }
        Ok(Story::tell(self, actions.to_vec()))
    }
}

impl Story {
    pub(super) fn tell<R: Rules>(system: &System<R>, actions: Vec<Action>) -> Self {
        let mut state = system.initial();
        let mut broken = None;
        for action in &actions {
            let after = system.after(&state, *action);
            broken = broken.or(after.broken);
            state = after.state;
        }
        let mut settling = Vec::new();
        if broken.is_none() && system.is_still(&state) {
            (broken, settling) = system.settle(&state);
            if broken.is_none() {
                settling.clear();
            }
        }
        let broken = broken.map(|invariant| invariant.name().to_owned());
        Self { size: system.size(), actions, settling, broken }
    }

    /// How many faults it takes.
    pub fn faults(&self) -> u8 {
        self.actions.iter().map(|action| action.cost()).sum()
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number = 0;
        let mut line = |f: &mut fmt::Formatter<'_>, action: &Action| {
            number += 1;
            let fault = if action.cost() > 0 { "  (fault)" } else { "" };
            writeln!(f, "{number:>4}. {action}{fault}")
        };
        for action in &self.actions {
            line(f, action)?;
        }
        if !self.settling.is_empty() {
            writeln!(f, "      and when nothing else happens, recovery can only do this:")?;
        }
        for action in &self.settling {
            line(f, action)?;
        }
        match &self.broken {
            Some(broken) => {
                let named = Invariant::ALL.into_iter().find(|one| one.name() == broken);
                write!(f, "      VIOLATION {broken}: {}", named.map_or("", Invariant::claim))
            }
            None => write!(f, "      every invariant holds"),
        }
    }
}
