//! A story told state by state, to be held against another world that does the same.
//!
//! A search takes many states for one, so its states say less than happened: here every
//! state is its own. A story does not say in which reduction it was found. Those differ, for
//! actions that a story can name, only in whether a recovery that waits for nothing it would use
//! is over; so the story is told with such recoveries over, and failing that with them waiting.

use super::rules::Rules;
use super::state::State;
use super::story::Untrue;
use super::system::{Reduction, System, Unexplorable};
use crate::story::{Action, Size};

/// A story with the state after each of its steps.
#[derive(Clone, Debug)]
pub struct Retold {
    /// The size of its system.
    pub size: Size,
    /// Before the first step.
    pub start: State,
    /// The steps, and the state after each, up to the first that cannot happen.
    pub steps: Vec<(Action, State)>,
    /// The first step that cannot happen under these rules.
    pub untrue: Option<Untrue>,
}

impl Retold {
    /// Tells these actions under these rules.
    ///
    /// # Errors
    /// The system cannot be explored.
    pub fn new<R: Rules>(rules: R, size: Size, actions: &[Action]) -> Result<Self, Unexplorable> {
        let mut system = System::new(rules, size, Reduction::Inert)?;
        let over = system.tell(actions);
        if over.untrue.is_none() {
            return Ok(over);
        }
        system.inert.fill(false);
        let waiting = system.tell(actions);
        Ok(if waiting.steps.len() > over.steps.len() { waiting } else { over })
    }

    /// The state before the step of this number, from 0.
    pub fn before(&self, step: usize) -> &State {
        step.checked_sub(1).map_or(&self.start, |last| &self.steps[last].1)
    }
}

impl<R: Rules> System<R> {
    fn tell(&self, actions: &[Action]) -> Retold {
        let start = self.initial();
        let mut retold = Retold { size: self.size(), start, steps: Vec::new(), untrue: None };
        let mut state = start;
        for (number, action) in actions.iter().enumerate() {
            if !self.actions(&state).contains(action) {
                retold.untrue = Some(Untrue { number: number + 1, action: *action });
                break;
            }
            state = self.after(&state, *action).state;
            retold.steps.push((*action, state));
        }
        retold
    }
}
