//! The shipped decision log on this disk: what it has said stays true over any number of
//! crashes, faults and rivals.
//!
//! A run lives through several lives of a coordinator's process. The oracle is what the log
//! has answered so far; every answer is held against it.

mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{Either, join_all, select};
use indoubt::protocol::BranchId;
use indoubt::{Commit, CoordinatorId, DecisionLog, Entry, ForceError, Gid, LoggedBranch, Receipt};
use indoubt_real::log::{FileLog, OpenError, Options};
use madsim::runtime::{Handle, Runtime};
use madsim::time::sleep;

use super::{DiskFaults, DiskLatency, DiskStats, Mount, SimDisk};
use crate::draw::Draw;

/// What has been learnt of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    /// Its force has not returned, or not with an answer.
    Unknown,
    /// It is durable, and not to be forgotten yet.
    Committed,
    /// It was forgotten after it had been durable.
    Forgotten,
    /// It is absent, for good.
    Absent,
}

struct Oracle {
    seed: u64,
    draw: Draw,
    truths: BTreeMap<Gid, Truth>,
    epochs: BTreeSet<u64>,
    flipped: bool,
    seen: Seen,
}

/// How often each outcome came up, over all runs; all must have.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    forced: u64,
    unknown: u64,
    settled_absent: u64,
    settled_committed: u64,
    fenced: u64,
    unreadable: u64,
    opened: u64,
    refused: u64,
    expired: u64,
}

type Shared = Arc<Mutex<Oracle>>;

fn with<T>(oracle: &Shared, act: impl FnOnce(&mut Oracle) -> T) -> T {
    act(&mut oracle.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Oracle {
    /// Holds an answer for a gid against what was known before the question, and learns.
    fn judge(&mut self, gid: &Gid, before: Truth, answer: &Entry) {
        let seed = self.seed;
        let fits = match (before, answer) {
            (_, Entry::Unfinished(commit)) if **commit != decision(gid) => false,
            // Expired: the log may have dropped it, and what it once was does not show.
            (Truth::Unknown, Entry::Unfinished(_) | Entry::Absent | Entry::Expired)
            | (Truth::Committed, Entry::Unfinished(_))
            | (Truth::Forgotten, Entry::Unfinished(_) | Entry::Finished | Entry::Expired)
            | (Truth::Absent, Entry::Absent | Entry::Expired) => true,
            _ => false,
        };
        assert!(fits, "seed {seed}: {gid} was {before:?} and is {answer:?}");
        match answer {
            Entry::Unfinished(_) => self.learn(gid, Truth::Committed),
            Entry::Absent => self.learn(gid, Truth::Absent),
            Entry::Expired => self.seen.expired += 1,
            Entry::Finished => {}
        }
    }

    fn learn(&mut self, gid: &Gid, truth: Truth) {
        let seed = self.seed;
        let known = self.truths.get_mut(gid).expect("a gid that was forced");
        match (*known, truth) {
            (Truth::Unknown, _) => *known = truth,
            (Truth::Committed | Truth::Forgotten, Truth::Committed)
            | (Truth::Absent, Truth::Absent) => {}
            (known, truth) => panic!("seed {seed}: {gid} was {known:?} and became {truth:?}"),
        }
    }
}

fn owner() -> CoordinatorId {
    "sim".parse().expect("a valid id")
}

/// Everything in it follows from the gid, so that half a record or a mixed one shows.
fn decision(gid: &Gid) -> Commit {
    let mut draw = Draw::new(gid.epoch, gid.sequence);
    let branches = (0..=draw.below(3)).filter_map(|index| {
        let receipt: Vec<u8> =
            (0..draw.below(60)).map(|_| draw.next_u64().to_le_bytes()[0]).collect();
        let participant = format!("participant-{}", draw.below(1000)).into();
        Some(LoggedBranch {
            branch: BranchId::new(u8::try_from(index).ok()?)?,
            participant,
            receipt: Receipt::new(receipt)?,
        })
    });
    Commit { gid: gid.clone(), branches: branches.collect() }
}

async fn open(mount: Mount, oracle: &Shared) -> Option<Arc<FileLog<Mount>>> {
    let earlier = with(oracle, |oracle| oracle.epochs.last().copied().unwrap_or_default());
    // With little memory for expiry to happen, with much for every answer to be definite.
    let remembered = with(oracle, |oracle| if oracle.seed % 4 == 0 { 20 } else { 100_000 });
    let options = Options { remembered, ranges: 0, compact_from_bytes: 2000, compact_ratio: 2 };
    match FileLog::open(mount, owner(), options).await {
        Ok(log) => {
            with(oracle, |oracle| {
                let (seed, epoch) = (oracle.seed, log.epoch());
                assert!(
                    epoch > earlier && oracle.epochs.insert(epoch),
                    "seed {seed}: epoch {epoch} again"
                );
                oracle.seen.opened += 1;
            });
            // Whoever asks here has no branches, so everything may be let go of.
            let (coordinator, epoch, lineage) = (owner(), log.epoch(), log.lineage());
            log.has_ended(&Gid { coordinator, epoch, sequence: u64::MAX, lineage });
            Some(Arc::new(log))
        }
        Err(OpenError::Io { .. } | OpenError::Overtaken { .. } | OpenError::AlreadyOpen) => None,
        Err(error @ OpenError::Corrupt { .. }) => {
            with(oracle, |oracle| {
                assert!(oracle.flipped, "seed {}: {error}", oracle.seed);
                oracle.seen.refused += 1;
            });
            None
        }
        Err(error) => panic!("seed {}: {error}", with(oracle, |oracle| oracle.seed)),
    }
}

/// Asks for everything that the oracle knows of.
async fn verify(log: &FileLog<Mount>, oracle: &Shared) {
    let gids: Vec<_> = with(oracle, |oracle| oracle.truths.keys().cloned().collect());
    for gid in gids {
        if !ask(log, oracle, &gid).await {
            return;
        }
    }
}

/// Whether the log could say.
async fn ask(log: &FileLog<Mount>, oracle: &Shared, gid: &Gid) -> bool {
    let before = with(oracle, |oracle| oracle.truths[gid]);
    let answer = log.read(gid).await;
    with(oracle, |oracle| {
        if let Ok(answer) = &answer {
            oracle.judge(gid, before, answer);
        } else {
            oracle.seen.unreadable += 1;
        }
        answer.is_ok()
    })
}

/// One process: opens the log, verifies it, and works on it from several tasks.
async fn live(mount: Mount, oracle: Shared) {
    let log = loop {
        if let Some(log) = open(mount.clone(), &oracle).await {
            break log;
        }
        sleep(Duration::from_millis(20)).await;
    };
    verify(&log, &oracle).await;
    let workers = (1..=4).map(|worker| work(&log, &oracle, worker));
    join_all(workers).await;
}

async fn work(log: &FileLog<Mount>, oracle: &Shared, worker: u64) {
    for round in 0.. {
        let gid = Gid {
            coordinator: owner(),
            epoch: log.epoch(),
            sequence: round * 4 + worker,
            lineage: log.lineage(),
        };
        with(oracle, |oracle| oracle.truths.insert(gid.clone(), Truth::Unknown));
        let forced = force(log, oracle, &gid).await;
        match forced {
            Ok(()) => with(oracle, |oracle| {
                oracle.learn(&gid, Truth::Committed);
                oracle.seen.forced += 1;
            }),
            Err(ForceError::Fenced { .. }) => {
                with(oracle, |oracle| oracle.seen.fenced += 1);
                return;
            }
            Err(ForceError::Unknown { .. }) => {
                with(oracle, |oracle| oracle.seen.unknown += 1);
                ask(log, oracle, &gid).await;
                with(oracle, |oracle| match oracle.truths[&gid] {
                    Truth::Absent => oracle.seen.settled_absent += 1,
                    Truth::Committed => oracle.seen.settled_committed += 1,
                    Truth::Unknown | Truth::Forgotten => {}
                });
            }
        }
        let forget = with(oracle, |oracle| {
            let committed = oracle.truths[&gid] == Truth::Committed && oracle.draw.permille(700);
            if committed {
                oracle.truths.insert(gid.clone(), Truth::Forgotten);
            }
            committed
        });
        if forget {
            let _ = log.forget(&gid).await;
        }
        let pause =
            with(oracle, |oracle| oracle.draw.between(Duration::ZERO, Duration::from_millis(4)));
        sleep(pause).await;
    }
}

/// Forces the gid's decision, and at times gives up on it: it is then unknown.
async fn force(log: &FileLog<Mount>, oracle: &Shared, gid: &Gid) -> Result<(), ForceError> {
    let commit = Arc::new(decision(gid));
    let patience = with(oracle, |oracle| {
        let impatient = oracle.draw.permille(100);
        let patience = oracle.draw.between(Duration::from_micros(1), Duration::from_millis(5));
        if impatient { patience } else { Duration::from_secs(100) }
    });
    match select(pin!(log.force(&commit)), pin!(sleep(patience))).await {
        Either::Left((forced, _)) => forced,
        Either::Right(_) => Err(ForceError::Unknown { reason: "given up".to_owned() }),
    }
}

fn faults(draw: &mut Draw) -> DiskFaults {
    // Whole families off: half of the runs know no failed sync at all.
    let mut family = |most: u64| {
        if draw.permille(500) { u16::try_from(draw.below(most)).unwrap_or(0) } else { 0 }
    };
    DiskFaults {
        failed_sync: family(200),
        short_write: family(200),
        read_error: family(100),
        capacity: None,
    }
}

/// Runs one seed, and gives what was seen, the disk's counters and its trace.
fn run(seed: u64) -> (Seen, DiskStats, u64) {
    let runtime = Runtime::with_seed_and_config(seed, madsim::Config::default());
    runtime.block_on(async move {
        let mut draw = Draw::new(seed, 1);
        let latency = DiskLatency {
            call: (Duration::ZERO, Duration::from_micros(draw.below(2) * 500)),
            sync: (Duration::from_micros(100), Duration::from_millis(3)),
        };
        let disk = SimDisk::new(seed, 2, latency);
        let oracle = Arc::new(Mutex::new(Oracle {
            seed,
            draw: Draw::new(seed, 3),
            truths: BTreeMap::new(),
            epochs: BTreeSet::new(),
            flipped: false,
            seen: Seen::default(),
        }));
        disk.set_faults(faults(&mut draw));
        for _ in 0..6 {
            life(&mut draw, &disk, &oracle).await;
        }
        // Healed, the log opens and knows everything, also from the medium alone.
        disk.set_faults(DiskFaults::default());
        for _ in 0..2 {
            sleep(Duration::from_secs(1)).await;
            match open(disk.mount(), &oracle).await {
                Some(log) => verify(&log, &oracle).await,
                None => {
                    with(&oracle, |oracle| assert!(oracle.flipped, "seed {seed}: does not open"));
                }
            }
            disk.crash();
        }
        (with(&oracle, |oracle| oracle.seen), disk.stats(), disk.trace_hash())
    })
}

/// One life of a process, and perhaps of a rival that breaks in, until one of the deaths.
async fn life(draw: &mut Draw, disk: &SimDisk, oracle: &Shared) {
    let handle = Handle::current();
    let mut born = Vec::new();
    for rival in [false, true] {
        if rival && !draw.permille(300) {
            break;
        }
        if rival {
            disk.break_lock();
        }
        let mount = disk.mount();
        let node = handle.create_node().build();
        node.spawn(live(mount.clone(), oracle.clone()));
        born.push((mount.id(), node.id()));
        sleep(draw.between(Duration::ZERO, Duration::from_millis(60))).await;
    }
    if draw.permille(100) {
        disk.fill_for(Duration::from_millis(30));
        sleep(Duration::from_millis(20)).await;
    }
    // One bit: two in the last batch look like a torn write.
    if draw.permille(30) && !with(oracle, |oracle| oracle.flipped) {
        let flipped = disk.flip_bit().is_some();
        with(oracle, |oracle| oracle.flipped = flipped);
    }
    if draw.permille(600) {
        disk.crash();
    }
    for (mount, node) in born {
        disk.kill(mount);
        handle.kill(node);
    }
}

#[test]
fn what_the_log_has_said_stays_true() {
    let (mut seen, mut stats) = (Seen::default(), DiskStats::default());
    for seed in 0..300 {
        let (one, disk, _) = run(seed);
        seen.forced += one.forced;
        seen.unknown += one.unknown;
        seen.settled_absent += one.settled_absent;
        seen.settled_committed += one.settled_committed;
        seen.fenced += one.fenced;
        seen.unreadable += one.unreadable;
        seen.opened += one.opened;
        seen.refused += one.refused;
        seen.expired += one.expired;
        stats.add(&disk);
    }
    let Seen {
        forced,
        unknown,
        settled_absent,
        settled_committed,
        fenced,
        unreadable,
        opened,
        refused,
        expired,
    } = seen;
    for (what, count) in [
        ("forced", forced),
        ("unknown", unknown),
        ("settled as absent", settled_absent),
        ("settled as committed", settled_committed),
        ("fenced", fenced),
        ("unreadable", unreadable),
        ("opened", opened),
        ("refused", refused),
        ("expired", expired),
        ("failed syncs", stats.failed_syncs),
        ("short writes", stats.short_writes),
        ("full disk", stats.full_disk),
        ("read errors", stats.read_errors),
        ("tails lost", stats.tails_lost),
        ("tails torn", stats.tails_torn),
        ("tails garbled", stats.tails_garbled),
        ("tails kept", stats.tails_kept),
        ("names lost", stats.names_lost),
        ("bits flipped", stats.bits_flipped),
        ("locks broken", stats.locks_broken),
    ] {
        assert!(count > 0, "vacuous: no {what}");
    }
}

#[test]
fn a_seed_gives_the_same_calls_every_time() {
    for seed in 0..20 {
        assert_eq!(run(seed).2, run(seed).2, "seed {seed}");
    }
}
