//! Scenarios as TOML.

use std::fmt;
use std::str::FromStr;

use super::{Cue, Disks, FaultKind, Habits, Network, Scenario, When, Workload};
use crate::history::Place;
use crate::history::rows::MAX_ITEMS;

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&toml::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// A scenario that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// The text is not a scenario.
    #[error(
        "not a scenario: {reason}\n`cargo sim replay SEED`, or a test with INDOUBT_SEED=SEED, prints one to start from"
    )]
    Malformed {
        /// What the parser says, with the line.
        reason: String,
    },
    /// A field has a value that no run can have.
    #[error("{field} = {value} cannot be run: {expected}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        expected: String,
    },
}

impl FromStr for Scenario {
    type Err = ScenarioError;

    fn from_str(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)
            .map_err(|error| ScenarioError::Malformed { reason: error.to_string() })?;
        scenario.check()?;
        Ok(scenario)
    }
}

/// The longest a run may last, in virtual milliseconds: an hour.
const MAX_MS: u64 = 3_600_000;

/// The longest a call of a disk may take, in microseconds.
const MAX_CALL_US: u64 = 10_000_000;

/// The most that a place or a link is slowed down by.
const MAX_FACTOR: u64 = 10_000;

impl Scenario {
    /// Whether the scenario can be run.
    ///
    /// # Errors
    /// [`ScenarioError::OutOfRange`] names the first field that cannot be.
    pub fn check(&self) -> Result<(), ScenarioError> {
        let participants = u64::from(self.participants);
        in_range("participants", participants, 2, 32)?;
        in_range("transactions", self.transactions.into(), 1, 1_000_000)?;
        self.check_numbers()?;
        in_range("clients", self.clients.into(), 1, 1_024)?;
        in_range("remembered", self.remembered.into(), 1, 1_000_000)?;
        in_range("deadline_ms", self.deadline_ms, 10, 60_000)?;
        in_range("acknowledge_ms", self.acknowledge_ms, 0, 60_000)?;
        in_range("recovery_ms", self.recovery_ms, 10, 60_000)?;
        in_range("heal_ms", self.heal_ms, 1, MAX_MS)?;
        in_range("think_ms", self.think_ms, 0, 60_000)?;
        in_range("rest_within_ms", self.rest_within_ms, 1, MAX_MS)?;
        in_range("latency_min_us", self.network.latency_min_us, 1, self.network.latency_max_us)?;
        in_range("latency_max_us", self.network.latency_max_us, 1, 10_000_000)?;
        in_range("reorder_ms", self.network.reorder_ms, 0, 60_000)?;
        let rates = |rates: &[u16]| {
            rates
                .iter()
                .try_for_each(|rate| in_range("a rate in permille", (*rate).into(), 0, 1000))
        };
        let Network { loss_permille, duplicate_permille, reorder_permille, slow_permille, .. } =
            self.network;
        rates(&[loss_permille, duplicate_permille, reorder_permille, slow_permille])?;
        let Disks { call_us, sync_us, log_call_us, log_sync_us, .. } = self.disks;
        in_range("call_us", call_us, 0, MAX_CALL_US)?;
        in_range("log_call_us", log_call_us, 0, MAX_CALL_US)?;
        for (low, high) in [sync_us, log_sync_us] {
            in_range("the longest sync in us", high, 0, MAX_CALL_US)?;
            in_range("the shortest sync in us", low, 0, high)?;
        }
        in_range("drift_permille", self.clocks.drift_permille.into(), 0, 500)?;
        let Habits {
            hasty_permille, leave_permille, ask_permille, sweep_permille, watch_ms, ..
        } = self.habits;
        rates(&[hasty_permille, leave_permille, ask_permille, sweep_permille])?;
        in_range("watch_ms", watch_ms, 0, MAX_MS)?;
        in_range("wait_ms", self.locks.wait_ms, 0, 60_000)?;
        if let Some(sick) = self.traffic.and_then(|traffic| traffic.sick) {
            self.check_place(Place::Participant(sick))?;
        }
        match self.workload {
            Workload::Transfers {
                accounts,
                overdraw_permille,
                audit_permille,
                read_only_permille,
                single_permille,
            } => {
                in_range("accounts", accounts, 1, 1_000_000)?;
                rates(&[overdraw_permille, audit_permille, read_only_permille, single_permille])?;
            }
            Workload::Orders { items, stock } => {
                in_range("items", items, 1, MAX_ITEMS)?;
                in_range("stock", u64::try_from(stock).unwrap_or(u64::MAX), 0, 1_000_000)?;
            }
        }
        in_range("the number of faults", self.faults.len() as u64, 0, 100)?;
        for fault in &self.faults {
            fault.when.check(MAX_MS)?;
            if let When::On(Cue { at: Some(place), .. }, _) = fault.when {
                self.check_place(place)?;
            }
            in_range("for_ms", fault.for_ms, 0, MAX_MS)?;
            if let FaultKind::Disk { sync_permille, short_permille, read_permille, .. } = fault.kind
            {
                rates(&[sync_permille, short_permille, read_permille])?;
            }
            if let FaultKind::Message { nth, by_ms, .. } = fault.kind {
                in_range("nth", nth.into(), 1, 1_000_000)?;
                in_range("by_ms", by_ms, 0, 60_000)?;
            }
            if let FaultKind::Slow { factor, .. } | FaultKind::SlowLink { factor, .. } = fault.kind
            {
                in_range("factor", factor.into(), 1, MAX_FACTOR)?;
            }
            if let FaultKind::Flap { down_ms, up_ms, .. } = fault.kind {
                in_range("down_ms", down_ms, 1, MAX_MS)?;
                in_range("up_ms", up_ms, 1, MAX_MS)?;
            }
            if let FaultKind::ClockJump { by_ms, .. } = fault.kind {
                in_range("by_ms", by_ms, 0, MAX_MS)?;
            }
            if let FaultKind::Misread { permille, .. } = fault.kind {
                rates(&[permille])?;
            }
            for place in fault.kind.places() {
                self.check_place(place)?;
            }
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), ScenarioError> {
        let listed = &self.numbers;
        let ascend = listed.windows(2).all(|pair| pair[0] < pair[1]);
        if listed.is_empty() || ascend && listed.len() as u64 == u64::from(self.transactions) {
            return Ok(());
        }
        let expected = format!(
            "the numbers of transactions = {}, each greater than the one before; or none at all",
            self.transactions
        );
        Err(ScenarioError::OutOfRange { field: "numbers", value: format!("{listed:?}"), expected })
    }

    fn check_place(&self, place: Place) -> Result<(), ScenarioError> {
        let exists = match place {
            Place::Coordinator(index) => index < 2,
            Place::Participant(index) => index < self.participants,
        };
        if exists {
            return Ok(());
        }
        let expected = format!(
            "the places are coordinator-0, coordinator-1 and {} participants from 0",
            self.participants
        );
        Err(ScenarioError::OutOfRange { field: "place", value: place.to_string(), expected })
    }
}

impl FaultKind {
    /// The places that the fault names.
    pub(crate) fn places(&self) -> Vec<Place> {
        match *self {
            Self::Crash { place }
            | Self::Kill { place }
            | Self::Pause { place }
            | Self::Misread { place, .. }
            | Self::Slow { place, .. }
            | Self::ClockJump { place, .. }
            | Self::Disk { place, .. }
            | Self::DiskFull { place }
            | Self::DiskStuck { place } => vec![place],
            Self::CutOneWay { from, to } | Self::SlowLink { from, to, .. } => vec![from, to],
            Self::Cut { a, b } | Self::Flap { a, b, .. } => vec![a, b],
            Self::Isolate { ref places } => places.clone(),
            Self::EndSessions { p }
            | Self::SessionCrash { p }
            | Self::Operator { p, .. }
            | Self::Slots { p, .. }
            | Self::Forget { p }
            | Self::Failover { p } => {
                vec![Place::Participant(p)]
            }
            Self::Message { from, to, .. } => from.into_iter().chain(to).collect(),
            Self::Takeover | Self::LetGo | Self::Undriven | Self::Rival => Vec::new(),
        }
    }
}

pub(super) fn in_range(
    field: &'static str,
    value: u64,
    low: u64,
    high: u64,
) -> Result<(), ScenarioError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(ScenarioError::OutOfRange {
        field,
        value: value.to_string(),
        expected: format!("{low} to {high}"),
    })
}
