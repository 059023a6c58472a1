//! The order of a run's events, given instead of drawn: a story of the explorer.
//!
//! In TOML it is a size, and the actions one to a line, each as the explorer's own files have it.

use serde::{Deserialize, Serialize};

use super::{Disks, Habits, Network, Scenario, ScenarioError, Workload};
use crate::explore::{Action, Size, Story};

/// What happens in a run, one thing at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// What happens, in order.
    #[serde(with = "lines")]
    pub actions: Vec<Action>,
    /// Of the system that the order is one of.
    pub size: Size,
}

/// The most actions that an order can have.
const MAX_ACTIONS: u64 = 10_000;

impl Scenario {
    /// A run of the events of a story, in their order: nothing else fails, and nothing happens by
    /// time alone.
    pub fn ordered(story: &Story, seed: u64) -> Self {
        let Size { transactions, participants, .. } = story.size;
        Self {
            seed,
            participants,
            workload: Workload::Transfers {
                accounts: 1,
                overdraw_permille: 0,
                audit_permille: 0,
                read_only_permille: 0,
                single_permille: 0,
            },
            transactions: transactions.into(),
            clients: 1,
            think_ms: 0,
            heal_ms: 1,
            rest_within_ms: 30_000,
            deadline_ms: 200,
            acknowledge_ms: 400,
            recovery_ms: 300,
            compact_bytes: 1 << 20,
            remembered: super::remembered(),
            network: Network::calm(),
            disks: Disks::default(),
            habits: Habits::default(),
            traffic: None,
            faults: Vec::new(),
            order: Some(Order { size: story.size, actions: story.actions.clone() }),
        }
    }
}

impl Order {
    /// Whether the order can be one of this scenario.
    pub(super) fn check(&self, scenario: &Scenario) -> Result<(), ScenarioError> {
        let bad = |field, value: String, expected: &str| {
            Err(ScenarioError::OutOfRange { field, value, expected: expected.to_owned() })
        };
        if let Err(error) = self.size.check() {
            return bad("order.size", self.size.to_string(), &error.to_string());
        }
        let named = [scenario.participants.into(), scenario.transactions];
        let sized = [self.size.participants, self.size.transactions].map(u32::from);
        if named != sized {
            let as_in = "as many participants and transactions as the scenario has";
            return bad("order.size", self.size.to_string(), as_in);
        }
        if !scenario.is_undisturbed() {
            let calm = "with an order nothing else may fail: no fault, and a network without any";
            return bad("order", "given".to_owned(), calm);
        }
        super::text::in_range("order.actions", self.actions.len() as u64, 0, MAX_ACTIONS)?;
        match self.actions.iter().find(|action| !action.is_within(self.size)) {
            Some(action) => {
                bad("order.actions", action.to_string(), "what a system of order.size has")
            }
            None => Ok(()),
        }
    }

    /// Whether the log has to forget that a transaction ever was.
    pub(crate) fn expires(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Expire { .. }))
    }
}

/// Actions as lines of text.
mod lines {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::explore::Action;

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
