//! The order of a run's events, given instead of drawn: a story of the explorer.
//!
//! In TOML it is a seed, a size, and the actions one to a line, each as the explorer's own files have
//! it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::explore::Story;
use crate::scenario::{Clocks, Disks, Habits, Locks, Network, Scenario, Servers, Workload};
use crate::story::{Action, Size};

/// What happens in a run, one thing at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Seeds what the order does not say: how long messages and disks take.
    pub seed: u64,
    /// What happens, in order.
    #[serde(with = "lines")]
    pub actions: Vec<Action>,
    /// Of the system that the order is one of.
    pub size: Size,
}

/// An order that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The text is not an order.
    #[error("not an order of events: {0}\n`cargo sim explore --replay FILE --simulate` prints one")]
    Malformed(String),
    /// No system has this size.
    #[error("size: {0}")]
    Size(String),
    /// An action names what a system of this size does not have.
    #[error("actions: {0}, which a system of this size does not have")]
    Action(Action),
    /// There are too many of them.
    #[error("actions: {0} of them, and no more than {MAX_ACTIONS} can be followed")]
    TooMany(usize),
}

/// The most actions that an order can have.
const MAX_ACTIONS: usize = 10_000;

impl Order {
    /// The events of a story, in their order.
    pub fn of(story: &Story, seed: u64) -> Self {
        Self { seed, size: story.size, actions: story.actions.clone() }
    }

    /// Whether the order can be followed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), OrderError> {
        self.size.check().map_err(|error| OrderError::Size(error.to_string()))?;
        if self.actions.len() > MAX_ACTIONS {
            return Err(OrderError::TooMany(self.actions.len()));
        }
        let strange = self.actions.iter().find(|action| !action.is_within(self.size));
        strange.map_or(Ok(()), |action| Err(OrderError::Action(*action)))
    }

    /// The world in which it happens: nothing in it fails, and its clients begin nothing.
    pub(super) fn scenario(&self) -> Scenario {
        Scenario {
            seed: self.seed,
            participants: self.size.participants,
            servers: Servers::Simulated,
            workload: Workload::Transfers {
                accounts: 1,
                overdraw_permille: 0,
                audit_permille: 0,
                read_only_permille: 0,
                single_permille: 0,
            },
            transactions: self.size.transactions.into(),
            numbers: Vec::new(),
            clients: 1,
            think_ms: 0,
            heal_ms: 1,
            rest_within_ms: 30_000,
            deadline_ms: 200,
            acknowledge_ms: 400,
            recovery_ms: 300,
            compact_bytes: 1 << 20,
            remembered: 4096,
            network: Network::calm(),
            disks: Disks::default(),
            clocks: Clocks::default(),
            locks: Locks::default(),
            habits: Habits::default(),
            traffic: None,
            faults: Vec::new(),
        }
    }

    /// Whether the log has to forget that a transaction ever was.
    pub(super) fn expires(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Expire { .. }))
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&toml::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Order {
    type Err = OrderError;

    fn from_str(text: &str) -> Result<Self, OrderError> {
        let order: Self =
            toml::from_str(text).map_err(|error| OrderError::Malformed(error.to_string()))?;
        order.check()?;
        Ok(order)
    }
}

/// Actions as lines of text.
mod lines {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::story::Action;

    pub(super) fn serialize<S: Serializer>(
        actions: &[Action],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        // Plain data with string keys: writing it as JSON cannot fail.
        let line = |action| serde_json::to_string(action).unwrap_or_default() + "\n";
        serializer.serialize_str(&actions.iter().map(line).collect::<String>())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Action>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines
            .map(|line| {
                serde_json::from_str(line)
                    .map_err(|error| D::Error::custom(format!("{line} is not an action: {error}")))
            })
            .collect()
    }
}
