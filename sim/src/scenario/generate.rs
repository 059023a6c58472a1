//! Drawing a scenario from a seed.
//!
//! Whole families of faults are switched off at random for each seed (swarm testing: Groce
//! et al., "Swarm Testing", ISSTA 2012): a run in which everything fails a little finds less
//! than many runs in which different things fail.

use super::ail::ail;
use super::aim::aim;
use super::ends::{ends, watch};
use super::locks::locks;
use super::{
    Clocks, Disks, Fault, FaultKind, Habits, Locks, Network, Scenario, Servers, When, Workload,
};
use crate::draw::Draw;
use crate::history::Place;

/// The stream of the generator; a run draws from others, so neither shifts the other.
const STREAM: u64 = 1 << 48;

impl Scenario {
    /// The scenario of a seed.
    pub fn from_seed(seed: u64) -> Self {
        Self::drawn(seed, None)
    }

    /// A scenario of a seed with so many participants.
    pub fn with_participants(seed: u64, participants: u8) -> Self {
        Self::drawn(seed, Some(participants))
    }

    fn drawn(seed: u64, participants: Option<u8>) -> Self {
        let mut draw = Draw::new(seed, STREAM);
        let drawn = 2 + number(&mut draw, 3);
        let participants = participants.unwrap_or(drawn);
        let workload = workload(&mut draw);
        let heal_ms = 1_500 + draw.below(2_500);
        let (network, faults) = (network(&mut draw), faults(&mut draw, participants, heal_ms));
        // Without a fault, every vote that could be yes must end in a commit.
        let calm = draw.below(12) == 0;
        let (network, faults) =
            if calm { (Network::calm(), Vec::new()) } else { (network, faults) };
        let (disks, habits) = (disks(&mut draw), habits(&mut draw));
        let habits = if calm {
            Habits { ask_permille: habits.ask_permille, ..Habits::default() }
        } else {
            habits
        };
        let mut scenario = Self {
            seed,
            participants,
            servers: Servers::default(),
            workload,
            transactions: 6 + u32::from(number(&mut draw, 19)),
            numbers: Vec::new(),
            clients: 1 + u16::from(number(&mut draw, 4)),
            think_ms: draw.below(200),
            heal_ms,
            rest_within_ms: 30_000,
            deadline_ms: 150 + draw.below(350),
            acknowledge_ms: 0,
            recovery_ms: 100 + draw.below(500),
            compact_bytes: if draw.below(2) == 0 { 300 } else { 1 << 20 },
            remembered: if draw.below(4) == 0 { 1 + u32::from(number(&mut draw, 6)) } else { 4096 },
            network,
            disks,
            clocks: Clocks::default(),
            locks: Locks::default(),
            habits,
            traffic: None,
            faults,
        };
        // As a rule every participant is heard of or given up on by then.
        let patient = draw.below(2) == 0;
        let impatience = draw.below(scenario.deadline_ms);
        scenario.acknowledge_ms = if patient { 2 * scenario.deadline_ms } else { impatience };
        if !calm {
            aim(&mut scenario);
            ail(&mut scenario);
            ends(&mut scenario);
            scenario.faults.sort_by_key(|fault| fault.when.order());
        }
        watch(&mut scenario);
        locks(&mut scenario);
        scenario
    }

    /// The reference for measuring: 1 coordinator, 3 participants, 20 transactions, 3 crashes,
    /// 3 partitions, and nothing else that fails.
    pub fn reference(seed: u64) -> Self {
        let mut draw = Draw::new(seed, STREAM + 1);
        let (participants, heal_ms) = (3, 3_000);
        let at = |draw: &mut Draw| draw.below(heal_ms - 500);
        let crash = |draw: &mut Draw, place| Fault {
            when: When::At(at(draw)),
            for_ms: 200,
            kind: FaultKind::Crash { place },
        };
        let mut faults = vec![crash(&mut draw, Place::Coordinator(0))];
        for _ in 0..2 {
            let place = Place::Participant(number(&mut draw, participants));
            faults.push(crash(&mut draw, place));
        }
        for _ in 0..3 {
            let (a, b) =
                (Place::Coordinator(0), Place::Participant(number(&mut draw, participants)));
            faults.push(Fault {
                when: When::At(at(&mut draw)),
                for_ms: 300,
                kind: FaultKind::Cut { a, b },
            });
        }
        Self {
            seed,
            participants,
            servers: Servers::default(),
            workload: Workload::Transfers {
                accounts: 20,
                overdraw_permille: 50,
                audit_permille: 0,
                read_only_permille: 0,
                single_permille: 0,
            },
            transactions: 20,
            numbers: Vec::new(),
            clients: 4,
            think_ms: 500,
            heal_ms,
            rest_within_ms: 30_000,
            deadline_ms: 200,
            acknowledge_ms: 400,
            recovery_ms: 300,
            compact_bytes: 1 << 20,
            remembered: super::remembered(),
            network: Network::calm(),
            disks: Disks::default(),
            clocks: Clocks::default(),
            locks: Locks::default(),
            habits: Habits::default(),
            traffic: None,
            faults,
        }
    }
}

impl Network {
    /// A network without faults.
    pub const fn calm() -> Self {
        Self {
            latency_min_us: 200,
            latency_max_us: 2_000,
            loss_permille: 0,
            duplicate_permille: 0,
            reorder_permille: 0,
            reorder_ms: 0,
            slow_permille: 0,
        }
    }
}

fn workload(draw: &mut Draw) -> Workload {
    if draw.below(3) == 0 {
        Workload::Orders { items: 1 + draw.below(4), stock: 5 + draw.below(40).cast_signed() }
    } else {
        Workload::Transfers {
            accounts: 4 + draw.below(20),
            overdraw_permille: rate(draw, 150),
            audit_permille: rate(draw, 300),
            read_only_permille: rate(draw, 100),
            single_permille: rate(draw, 200),
        }
    }
}

fn network(draw: &mut Draw) -> Network {
    let latency_max_us = 500 + draw.below(4_500);
    Network {
        latency_min_us: 100 + draw.below(300),
        latency_max_us,
        loss_permille: rate(draw, 80),
        duplicate_permille: rate(draw, 100),
        reorder_permille: rate(draw, 100),
        reorder_ms: 5 + draw.below(600),
        slow_permille: rate(draw, 50),
    }
}

/// Half of the time a sync is all that takes time.
fn disks(draw: &mut Draw) -> Disks {
    let slow = draw.below(2) == 0;
    let mut call_us = || {
        let us = 1 + draw.below(1_500);
        if slow { us } else { 0 }
    };
    Disks { call_us: call_us(), log_call_us: call_us(), ..Disks::default() }
}

fn habits(draw: &mut Draw) -> Habits {
    Habits {
        hasty_permille: rate(draw, 200),
        leave_permille: rate(draw, 200),
        ask_permille: rate(draw, 300),
        sweep_permille: rate(draw, 100),
        watch_ms: 0,
        alarm_panics: draw.below(4) == 0,
    }
}

fn faults(draw: &mut Draw, participants: u8, heal_ms: u64) -> Vec<Fault> {
    let mut faults = Vec::new();
    let coordinator = Place::Coordinator(0);
    let mut add = |draw: &mut Draw,
                   most: u64,
                   longest_ms: u64,
                   kind: &mut dyn FnMut(&mut Draw) -> FaultKind| {
        // Drawn whether or not the family is on, and the most is small: a crowd hides its members.
        let on = draw.below(2) == 0;
        let count = 1 + draw.below(most);
        for _ in 0..count {
            let fault = Fault {
                when: When::At(draw.below(heal_ms)),
                for_ms: 20 + draw.below(longest_ms),
                kind: kind(draw),
            };
            if on {
                faults.push(fault);
            }
        }
    };
    let participant = |draw: &mut Draw| Place::Participant(number(draw, participants));
    add(draw, 3, 800, &mut |draw| FaultKind::Crash { place: participant(draw) });
    add(draw, 3, 800, &mut |_| FaultKind::Crash { place: coordinator });
    add(draw, 3, 1_200, &mut |draw| FaultKind::Cut { a: coordinator, b: participant(draw) });
    add(draw, 3, 1_200, &mut |draw| {
        let other = participant(draw);
        let (from, to) =
            if draw.below(2) == 0 { (coordinator, other) } else { (other, coordinator) };
        FaultKind::CutOneWay { from, to }
    });
    add(draw, 1, 1_500, &mut |draw| disk(draw, coordinator));
    add(draw, 2, 1_500, &mut |draw| {
        let place = participant(draw);
        disk(draw, place)
    });
    add(draw, 1, 600, &mut |draw| {
        let place = if draw.below(2) == 0 { coordinator } else { participant(draw) };
        FaultKind::DiskFull { place }
    });
    add(draw, 1, 400, &mut |draw| {
        let place = if draw.below(2) == 0 { coordinator } else { participant(draw) };
        FaultKind::DiskStuck { place }
    });
    add(draw, 1, 1, &mut |_| FaultKind::Takeover);
    add(draw, 1, 1_500, &mut |_| FaultKind::Rival);
    // Rarer than the rest: after an operator's mistake fewer claims can be made of a run.
    let operator = draw.below(4) == 0;
    let (when, p, commit) =
        (When::At(draw.below(heal_ms)), number(draw, participants), draw.below(2) == 0);
    if operator {
        faults.push(Fault { when, for_ms: 1, kind: FaultKind::Operator { p, commit } });
    }
    let forgets = draw.below(4) == 0;
    let (when, p) = (When::At(draw.below(heal_ms)), number(draw, participants));
    if forgets {
        faults.push(Fault { when, for_ms: 1, kind: FaultKind::Forget { p } });
    }
    let fails_over = draw.below(6) == 0;
    let (when, for_ms) = (When::At(draw.below(heal_ms)), 5 + draw.below(600));
    let p = number(draw, participants);
    if fails_over {
        faults.push(Fault { when, for_ms, kind: FaultKind::Failover { p } });
    }
    faults.sort_by_key(|fault| fault.when.order());
    faults
}

fn disk(draw: &mut Draw, place: Place) -> FaultKind {
    let [mut sync_permille, short_permille, read_permille] = [(); 3].map(|()| rate(draw, 300));
    if sync_permille + short_permille + read_permille == 0 {
        sync_permille = 150;
    }
    FaultKind::Disk { place, sync_permille, short_permille, read_permille }
}

/// Zero in half of the cases, else up to `most` of 1000. Always two draws.
fn rate(draw: &mut Draw, most: u64) -> u16 {
    let (on, rate) = (draw.below(2) == 0, 1 + draw.below(most));
    if on { u16::try_from(rate).unwrap_or(1000) } else { 0 }
}

fn number(draw: &mut Draw, bound: u8) -> u8 {
    u8::try_from(draw.below(bound.into())).unwrap_or(0)
}
