//! Work that never pauses: the family of runs that ask whether what is waited for comes in time.
//!
//! Many clients begin transactions without a pause until the faults end. Meanwhile one participant
//! is sick, the log's disk is slow, and the coordinator crashes once, early, so that its orphans
//! have to be recovered beside the traffic. What the sick participant has no part in must not
//! feel it: that is promised in small multiples of a sync, and claimed of the history
//! ([`BoundedWait`](crate::invariants::Invariant::BoundedWait)).

use serde::{Deserialize, Serialize};

use super::{
    Clocks, Disks, Fault, FaultKind, Habits, Locks, Network, Scenario, Servers, When, Workload,
};
use crate::draw::Draw;
use crate::history::Place;

/// What is promised to whoever waits, in milliseconds, while clients never pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// The participant that may be slow, hang or be gone: what it has a part in is promised the
    /// deadlines only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sick: Option<u8>,
    /// An answer to a commit comes within this.
    pub answer_ms: u64,
    /// An answer by gid comes within this.
    pub status_ms: u64,
    /// A branch that an earlier opening of the log left prepared has ended within this, from the
    /// next opening on.
    pub orphan_ms: u64,
}

const STREAM: u64 = (1 << 48) + 2;

impl Scenario {
    /// The family of traffic.
    pub fn traffic(seed: u64) -> Self {
        let mut draw = Draw::new(seed, STREAM);
        let participants = 3;
        // Hundreds in one run of eight.
        let crowd = if draw.below(8) == 0 { 200 } else { 50 };
        let clients = 16 + u16::try_from(draw.below(crowd)).unwrap_or(0);
        let sync_ms = 2 + draw.below(6);
        let recovery_ms = 30 + draw.below(50);
        let heal_ms = 250 + draw.below(150);
        let deadline_ms = 400;
        let sick = (draw.below(4) != 0).then(|| small(draw.below(participants.into())));
        let mut faults = vec![crash(&mut draw)];
        faults.extend(sick.map(|p| illness(&mut draw, p, heal_ms)));
        faults.sort_by_key(|fault| fault.when.order());
        let rates = [(); 4].map(|()| if draw.below(2) == 0 { 100 } else { 0 });
        Self {
            seed,
            participants,
            servers: Servers::default(),
            workload: Workload::Transfers {
                accounts: 8 * u64::from(clients),
                overdraw_permille: 20,
                audit_permille: 0,
                read_only_permille: 20,
                single_permille: 50,
            },
            transactions: 1_000_000,
            numbers: Vec::new(),
            clients,
            think_ms: 1,
            heal_ms,
            rest_within_ms: 30_000,
            deadline_ms,
            acknowledge_ms: deadline_ms,
            recovery_ms,
            compact_bytes: if draw.below(2) == 0 { 20_000 } else { 1 << 20 },
            remembered: 4096,
            network: Network { latency_max_us: 1_000, ..Network::calm() },
            disks: Disks {
                // A simulated participant writes one record at a time.
                call_us: 0,
                sync_us: (0, 0),
                log_call_us: draw.below(300),
                log_sync_us: (1_000 * sync_ms / 2, 1_000 * sync_ms),
                fate: 0,
            },
            clocks: Clocks::default(),
            locks: Locks::default(),
            habits: Habits {
                hasty_permille: rates[0],
                leave_permille: rates[1],
                ask_permille: rates[2].max(20),
                sweep_permille: rates[3] / 5,
                watch_ms: 0,
                alarm_panics: false,
            },
            traffic: Some(Traffic {
                sick,
                answer_ms: 12 + 12 * sync_ms,
                status_ms: 3 + 4 * sync_ms,
                // Two sweeps; a list that is not waited for longer than an eighth of its
                // deadline; and the orphans, which are as many as the clients were.
                orphan_ms: 2 * recovery_ms + deadline_ms / 8 + 8 * sync_ms + u64::from(clients) * 3,
            }),
            faults,
        }
    }
}

/// The coordinator crashes early, and is back at once.
fn crash(draw: &mut Draw) -> Fault {
    let kind = FaultKind::Crash { place: Place::Coordinator(0) };
    Fault { when: When::At(40 + draw.below(40)), for_ms: 5 + draw.below(10), kind }
}

/// What ails the sick participant.
fn illness(draw: &mut Draw, p: u8, heal_ms: u64) -> Fault {
    let (place, coordinator) = (Place::Participant(p), Place::Coordinator(0));
    let kind = match draw.below(4) {
        // It lists its branches, and finishes none.
        0 | 1 => FaultKind::DiskStuck { place },
        2 => FaultKind::Cut { a: place, b: coordinator },
        _ => FaultKind::Crash { place },
    };
    Fault { when: When::At(20 + draw.below(60)), for_ms: heal_ms, kind }
}

fn small(number: u64) -> u8 {
    u8::try_from(number).unwrap_or(0)
}
