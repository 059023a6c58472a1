//! What a family of runs has reached. A family that never saw an in-doubt transaction or a
//! fault that it claims proves nothing, and fails.

use std::collections::BTreeMap;
use std::fmt;

use crate::history::{Event, ServiceEvent, Told, VoteKind};
use crate::world::Run;

/// How often each outcome and each fault was reached, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    outcomes: BTreeMap<&'static str, u64>,
    faults: BTreeMap<&'static str, u64>,
}

/// The outcome without which runs prove nothing.
pub const COMMITTED: &str = "answered committed";

/// The outcome without which runs of a service of one's own prove nothing.
pub const SERVED: &str = "services that returned without an error";

/// The outcomes that a family must have seen, each at least once.
pub const CLAIMS: &[&str] = &[
    "answered committed",
    "answered committed, some pending",
    "answered aborted",
    "answered in doubt",
    "votes of no",
    "read-only votes",
    "one-phase commits",
    "branches committed by recovery",
    "branches rolled back by recovery",
    "forces failed",
    "forces fenced",
    "decisions found at an opening",
    "branches ended by an operator",
    "heuristic endings reported",
    "runs in which nothing could fail",
    "questions by gid answered",
    "clients that stopped waiting",
    "hazards that an operator saw to",
];

/// What runs of traffic must have reached.
const TRAFFIC: &[&str] = &[
    "answered committed",
    "questions by gid answered",
    "clients that stopped waiting",
    "branches committed by recovery",
    "branches rolled back by recovery",
    "decisions found at an opening",
    "calls of a stuck disk",
    "messages into a cut",
    "coordinator crashes",
    "participant crashes",
];

/// What large runs must have reached.
const CROWD: &[&str] = &[
    "answered committed",
    "answered aborted",
    "answered in doubt",
    "branches committed by recovery",
    "branches rolled back by recovery",
    "decisions found at an opening",
    "coordinator crashes",
    "participant crashes",
    "takeovers",
    "messages into a cut",
];

/// What does not come about where participants are reached by byte streams, and are servers of their own.
const NOT_AT_SERVERS: &[&str] = &[
    "deadlocks across participants",
    "lock timeouts",
    "messages aimed at",
    "messages duplicated",
    "messages into a cut",
    "messages lost",
    "messages reordered",
    "messages slow",
    "messages that are dragged",
    "messages to the dead",
    "waits for a lock",
];

impl Reach {
    /// Adds a run.
    pub fn add(&mut self, run: &Run) {
        for (fault, count) in &run.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        for event in run.history.events() {
            for name in outcomes(event) {
                *self.outcomes.entry(name).or_default() += 1;
            }
        }
    }

    /// Whether an outcome was seen.
    pub fn has_seen(&self, outcome: &str) -> bool {
        self.outcomes.contains_key(outcome)
    }

    /// Adds what another family reached.
    pub fn merge(&mut self, other: &Self) {
        for (name, count) in &other.outcomes {
            *self.outcomes.entry(name).or_default() += count;
        }
        for (name, count) in &other.faults {
            *self.faults.entry(name).or_default() += count;
        }
    }

    /// What a family of [traffic](crate::scenario::Traffic) has to reach, and never did.
    pub fn missing_under_traffic(&self) -> Vec<&'static str> {
        self.missing_of(TRAFFIC)
    }

    /// What a family of [crowds](crate::scenario::Scenario::crowd) has to reach, and never did.
    pub fn missing_in_a_crowd(&self) -> Vec<&'static str> {
        self.missing_of(CROWD)
    }

    /// What runs with servers of a protocol of their own have to reach, and never did: all but what is
    /// done to datagrams and to this crate's own databases.
    pub fn missing_at_servers(&self) -> Vec<&'static str> {
        let of_others = |name: &&str| !NOT_AT_SERVERS.contains(name);
        self.missing().into_iter().filter(of_others).collect()
    }

    /// The faults that struck, and how often each did, a line each.
    pub fn faults(&self) -> impl fmt::Display {
        let struck = self.faults.iter().filter(|(_, count)| **count > 0);
        let lines = struck.map(|(name, count)| format!("  {count:>12}  {name}\n"));
        lines.collect::<String>()
    }

    fn missing_of(&self, claims: &[&'static str]) -> Vec<&'static str> {
        let count = |name: &'static str| {
            let of = |counts: &BTreeMap<&'static str, u64>| counts.get(name).copied();
            of(&self.outcomes).or_else(|| of(&self.faults)).unwrap_or(0)
        };
        claims.iter().copied().filter(|name| count(name) == 0).collect()
    }

    /// Claimed outcomes and kinds of fault that were never reached.
    pub fn missing(&self) -> Vec<&'static str> {
        let outcomes = CLAIMS.iter().copied().filter(|claim| !self.outcomes.contains_key(claim));
        let faults = self.faults.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name);
        outcomes.chain(faults).collect()
    }
}

fn outcomes(event: &Event) -> impl Iterator<Item = &'static str> {
    let (first, second) = match *event {
        Event::Answered { told: Told::Committed, ref pending, .. } => {
            let some = (!pending.is_empty()).then_some("answered committed, some pending");
            (Some("answered committed"), some)
        }
        Event::Answered { told: Told::Aborted, .. } => (Some("answered aborted"), None),
        Event::Answered { told: Told::InDoubt, .. } => (Some("answered in doubt"), None),
        Event::Voted { vote: VoteKind::No, .. } => (Some("votes of no"), None),
        Event::Voted { vote: VoteKind::ReadOnly, .. } => (Some("read-only votes"), None),
        Event::Ended { one_phase: true, .. } => (Some("one-phase commits"), None),
        Event::Ended { by_recovery: true, committed: true, .. } => {
            (Some("branches committed by recovery"), None)
        }
        Event::Ended { by_recovery: true, committed: false, .. } => {
            (Some("branches rolled back by recovery"), None)
        }
        Event::ForceFailed { fenced: true, .. } => (Some("forces fenced"), None),
        Event::ForceFailed { fenced: false, .. } => (Some("forces failed"), None),
        Event::Opened { ref unfinished, .. } if !unfinished.is_empty() => {
            (Some("decisions found at an opening"), None)
        }
        Event::OperatorEnded { .. } => (Some("branches ended by an operator"), None),
        Event::HeuristicReported { .. } => (Some("heuristic endings reported"), None),
        Event::Status { .. } => (Some("questions by gid answered"), None),
        Event::Left { .. } => (Some("clients that stopped waiting"), None),
        Event::Acknowledged { .. } => (Some("hazards that an operator saw to"), None),
        Event::Run { calm: true, .. } => (Some("runs in which nothing could fail"), None),
        Event::OfService { what: ServiceEvent::Returns { error: None, .. } } => {
            (Some(SERVED), None)
        }
        _ => (None, None),
    };
    first.into_iter().chain(second)
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "outcomes")?;
        for claim in CLAIMS {
            writeln!(f, "  {:>12}  {claim}", self.outcomes.get(claim).unwrap_or(&0))?;
        }
        writeln!(f, "faults")?;
        self.faults.iter().try_for_each(|(name, count)| writeln!(f, "  {count:>12}  {name}"))
    }
}
