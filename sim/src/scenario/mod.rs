//! A scenario: everything that a run needs to know, as data.
//!
//! It is drawn from one seed by a generator of its own ([`Scenario::from_seed`]), printed as
//! TOML and parsed back. Nothing in a run asks for randomness that the scenario's seed does
//! not provide, so a scenario that is printed, edited and run again is a reproduction.

mod ail;
mod aim;
mod clocks;
mod crowd;
mod disks;
mod ends;
mod fault;
mod generate;
mod habits;
mod locks;
mod servers;
mod text;
mod traffic;
mod when;

use serde::{Deserialize, Serialize};

use crate::history::{Place, Waits};

pub use clocks::Clocks;
pub use disks::Disks;
pub use fault::{Fault, FaultKind, MessageDeed};
pub use habits::Habits;
pub use locks::Locks;
pub use servers::Servers;
pub use text::ScenarioError;
pub use traffic::Traffic;
pub use when::{Cue, Sight, When};

/// One run: the world, the work and the faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Seeds every stream of the run: links, disks, transactions.
    pub seed: u64,
    /// How many participants there are.
    pub participants: u8,
    /// What they are; a harness with participants of its own does not ask.
    #[serde(default, skip_serializing_if = "Servers::are_simulated")]
    pub servers: Servers,
    /// What the transactions do.
    pub workload: Workload,
    /// How many transactions the clients begin in all.
    pub transactions: u32,
    /// By which numbers they go, if not 0, 1, 2 and so on: what a transaction does is drawn by its
    /// number, so the others can be left out and these stay what they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<u32>,
    /// How many clients work at once.
    pub clients: u16,
    /// The longest pause of a client between two transactions, in milliseconds.
    pub think_ms: u64,
    /// When all faults end, in milliseconds from the start.
    pub heal_ms: u64,
    /// How long after that everything must have come to rest, in milliseconds.
    pub rest_within_ms: u64,
    /// The deadline of every step of the protocol, in milliseconds.
    pub deadline_ms: u64,
    /// How long a client waits for acknowledgements after the decision, in milliseconds.
    pub acknowledge_ms: u64,
    /// The pause between two sweeps of recovery, in milliseconds.
    pub recovery_ms: u64,
    /// The decision log is compacted when its file has grown to this many bytes.
    pub compact_bytes: u64,
    /// How many finished commits the log remembers one by one; of the others it remembers ranges.
    #[serde(default = "remembered")]
    pub remembered: u32,
    /// The network while faults last.
    pub network: Network,
    /// The disks, always.
    #[serde(default)]
    pub disks: Disks,
    /// The machines' clocks, always.
    #[serde(default, skip_serializing_if = "Clocks::are_true")]
    pub clocks: Clocks,
    /// Whether sessions wait for locked rows.
    #[serde(default, skip_serializing_if = "Locks::refuse_at_once")]
    pub locks: Locks,
    /// What clients do beside asking and waiting.
    #[serde(default)]
    pub habits: Habits,
    /// Set where clients never pause: then they begin transactions until the faults end, however
    /// many that are, and are promised this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// The faults, in any order.
    #[serde(default, rename = "fault")]
    pub faults: Vec<Fault>,
}

/// What the transactions of a run do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Workload {
    /// Money moves between accounts of different participants.
    Transfers {
        /// Accounts at each participant.
        accounts: u64,
        /// How many of 1000 transactions overdraw an account, and so are voted down.
        overdraw_permille: u16,
        /// How many of 1000 also read an account of a further participant.
        audit_permille: u16,
        /// How many of 1000 only read, at two participants.
        read_only_permille: u16,
        /// How many of 1000 move money within one participant, in one phase.
        single_permille: u16,
    },
    /// Participant 0 takes orders; the others hold the stock.
    Orders {
        /// Items at each stock-keeping participant.
        items: u64,
        /// Pieces of each item at the start.
        stock: i64,
    },
}

/// The network between all places while faults last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The shortest time of a packet on its way, in microseconds.
    pub latency_min_us: u64,
    /// The longest.
    pub latency_max_us: u64,
    /// How many of 1000 packets are lost.
    pub loss_permille: u16,
    /// How many arrive twice.
    pub duplicate_permille: u16,
    /// How many are held back, so that later ones overtake them.
    pub reorder_permille: u16,
    /// The longest holding back, in milliseconds.
    pub reorder_ms: u64,
    /// How many are slow.
    pub slow_permille: u16,
}

/// What is allowed for waits that are rounded up to a millisecond, a few in a row.
const ROUNDED_MS: u64 = 20;

/// More than any but a run of traffic finishes.
const fn remembered() -> u32 {
    4096
}

impl Scenario {
    /// Whether nothing in the run can fail: no faults, and a network whose every packet comes
    /// once and well before the deadlines.
    pub fn is_calm(&self) -> bool {
        let Network { loss_permille, duplicate_permille, reorder_permille, .. } = self.network;
        let Network { slow_permille, latency_max_us, .. } = self.network;
        let Habits { ask_permille, watch_ms, .. } = self.habits;
        let calm_habits = Habits { ask_permille, watch_ms, ..Habits::default() };
        self.faults.is_empty()
            && self.clocks.are_true()
            && self.habits == calm_habits
            && loss_permille + duplicate_permille + reorder_permille + slow_permille == 0
            && u128::from(latency_max_us) * 4 < u128::from(self.deadline_ms) * 1000
    }

    /// The number of the transaction that is begun after so many others.
    pub(crate) fn number(&self, begun: u32) -> u32 {
        let listed = usize::try_from(begun).ok().and_then(|begun| self.numbers.get(begun));
        listed.copied().unwrap_or(begun)
    }

    /// Whether a standby takes this participant's place at some time.
    pub(crate) fn fails_over(&self, participant: u8) -> bool {
        let is = |fault: &Fault| fault.kind == FaultKind::Failover { p: participant };
        self.faults.iter().any(is)
    }

    /// The longest that a message can be under way that a fault holds back, in milliseconds.
    pub(crate) fn held_back_ms(&self) -> u64 {
        let by = |fault: &Fault| match fault.kind {
            FaultKind::Message { by_ms, .. } => by_ms,
            FaultKind::Slow { factor, .. } | FaultKind::SlowLink { factor, .. } => {
                self.network.latency_max_us * u64::from(factor) / 1_000
            }
            _ => 0,
        };
        self.faults.iter().map(by).max().unwrap_or(0)
    }

    /// How long coordinators stand still in all, in milliseconds.
    fn paused_ms(&self) -> u64 {
        let paused = |fault: &Fault| match fault.kind {
            FaultKind::Pause { place: Place::Coordinator(_) } => fault.for_ms,
            _ => 0,
        };
        self.faults.iter().map(paused).sum()
    }

    /// How long two sweeps and two deadlines can take by the slowest clock, in milliseconds.
    pub(crate) fn two_rounds_ms(&self) -> u64 {
        self.clocks.at_most_ms(2 * self.recovery_ms + 2 * self.deadline_ms)
    }

    /// What whoever waits is promised: by the deadlines, and where clients never pause, more.
    pub fn waits(&self) -> Waits {
        let us = |ms: u64| 1_000 * ms;
        let late = |ms: u64| self.clocks.at_most_ms(ms);
        // A process that stands still gives no answers.
        let paused = self.paused_ms();
        // Whether the log is fit, the votes, the force, and then the acknowledgements.
        let by_deadlines =
            us(late(3 * self.deadline_ms + self.acknowledge_ms) + ROUNDED_MS + paused);
        let mut waits = Waits {
            answer_us: by_deadlines,
            sick_answer_us: by_deadlines,
            sick: None,
            status_us: us(late(self.deadline_ms) + ROUNDED_MS + paused),
            orphan_us: None,
        };
        if let Some(Traffic { sick, answer_ms, status_ms, orphan_ms }) = self.traffic {
            waits.answer_us = us(answer_ms);
            waits.status_us = us(status_ms);
            waits.orphan_us = Some(us(orphan_ms));
            waits.sick = sick;
        }
        waits
    }
}
