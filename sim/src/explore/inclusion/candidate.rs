//! A state that the explorer can be in after all that the history has told so far, and how it
//! got there.

use std::sync::Arc;

use crate::explore::rules::Shipped;
use crate::explore::state::{Packed, State};
use crate::explore::system::System;
use crate::story::{Action, MAX_FAULTS};

/// What the client is going to ask for, and whether it is refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wish {
    Commit,
    Rollback,
    RefusedCommit,
}

/// A state, and a way to it.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) state: State,
    /// Participants of which something has become durable that the history has not told yet:
    /// it tells what a participant finds on its disk only when it is up again.
    pub(super) early: u8,
    pub(super) wish: Wish,
    way: Option<Arc<Step>>,
}

struct Step {
    action: Action,
    before: Option<Arc<Self>>,
}

impl Candidate {
    pub(super) const fn at(state: State, wish: Wish) -> Self {
        Self { state, early: 0, wish, way: None }
    }

    /// What tells candidates apart.
    pub(super) fn key(&self) -> (Packed, u8, Wish) {
        (self.state.pack(), self.early, self.wish)
    }

    /// After these actions, if the explorer allows every one of them.
    pub(super) fn after(
        &self,
        system: &System<Shipped>,
        actions: impl IntoIterator<Item = Action>,
    ) -> Option<Self> {
        let mut next = self.clone();
        for action in actions {
            let mut allowed = false;
            system.enabled(&next.state, |other| allowed |= other == action);
            if !allowed {
                return None;
            }
            let after = system.after(&next.state, action);
            if after.broken.is_some() {
                return None;
            }
            next.state = after.state;
            next.state.budget = MAX_FAULTS;
            next.state.rank_epochs();
            next.way = Some(Arc::new(Step { action, before: next.way.take() }));
        }
        Some(next)
    }

    /// Itself, if it goes on.
    pub(super) fn kept(&self, goes_on: bool) -> Vec<Self> {
        if goes_on { vec![self.clone()] } else { Vec::new() }
    }

    /// The same, with something of this participant durable and not yet told.
    pub(super) fn early(mut self, p: u8) -> Self {
        self.early |= 1 << p;
        self
    }

    /// The same, now that the history has told it.
    pub(super) fn seen(mut self, p: u8) -> Self {
        self.early &= !(1 << p);
        self
    }

    /// The actions that led here.
    pub(super) fn way(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut step = self.way.as_ref();
        while let Some(one) = step {
            actions.push(one.action);
            step = one.before.as_ref();
        }
        actions.reverse();
        actions
    }
}
