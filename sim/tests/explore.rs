//! The shipped machines, explored exhaustively: what the small sizes hold, exactly.
//!
//! Absent are the large sizes: `cargo sim explore` runs those.

#[path = "explore/asked.rs"]
mod asked;
#[path = "explore/planted.rs"]
mod planted;

use asked::*;
use indoubt::protocol::{ForceFailure, Obstacle};
use indoubt_sim::explore::{
    End, Found, Limits, Reduction, Rules, Shipped, Size, Sometimes, Story, System, Walks, search,
};
use planted::*;

fn explore(rules: impl Rules, size: Size, reduction: Reduction, threads: usize) -> Found {
    let system = System::new(rules, size, reduction).expect("a size in range");
    search(&system, Limits { threads, bytes: 1 << 30 }, |_| {})
}

fn holds(found: &Found) -> bool {
    match &found.end {
        End::Exhausted => true,
        End::Broken(_) => false,
        End::OutOfMemory => panic!("the limit of memory is too small for this test"),
    }
}

fn broken(found: Found) -> Option<Story> {
    match found.end {
        End::Broken(story) => Some(*story),
        _ => None,
    }
}

/// What is claimed of the shipped protocol: size, unique states, depth.
///
/// A count that changes is no failure by itself. It says that the protocol or its environment
/// has changed: say why in the commit that changes it here.
const COUNTS: &[(Size, u64, u32)] = &[
    (Size::new(1, 1, 1, 0), 22, 5),
    (Size::new(1, 1, 1, 3), 184, 10),
    (Size::new(1, 1, 2, 1), 291, 8),
    (Size::new(1, 2, 1, 0), 516, 15),
    (Size::new(1, 2, 1, 1), 3_048, 22),
    (Size::new(1, 2, 1, 2), 9_870, 24),
    (Size::new(1, 2, 1, 3), 21_690, 24),
    (Size::new(1, 2, 2, 0), 5_060, 23),
    (Size::new(1, 2, 2, 1), 44_736, 28),
    (Size::new(1, 3, 1, 0), 3_045, 20),
    (Size::new(1, 3, 1, 1), 19_089, 28),
    (Size::new(2, 1, 1, 1), 995, 11),
    (Size::new(2, 1, 2, 0), 1_156, 11),
];

#[test]
fn every_state_of_the_small_sizes_holds_and_they_are_exactly_these() {
    let mut counts = Vec::new();
    for (size, states, depth) in COUNTS {
        let found = explore(Shipped, *size, Reduction::Full, 2);
        if let Some(story) = broken(found.clone()) {
            panic!("{size}:\n{story}");
        }
        let (now, deep) = (found.progress.states, found.progress.depth);
        if (now, deep) != (*states, *depth) {
            counts.push(format!("{size}: {now} states, depth {deep}; not {states}, {depth}"));
        }
        for sometimes in Sometimes::demanded(*size) {
            assert!(found.reached.contains(sometimes), "{size} never reached: {sometimes}");
        }
    }
    assert!(
        counts.is_empty(),
        "the protocol, or what is around it, can reach other states than before:\n{}\nA changed count is a \
         changed protocol. Nothing is broken by it yet; but find out which step is new, or gone: \
         `cargo sim explore` before and after, `--follow`, and what a machine's effects are now. If it \
         is meant, say why in the commit that changes the counts here.",
        counts.join("\n")
    );
}

#[test]
fn counts_and_stories_do_not_depend_on_threads() {
    let size = Size::new(1, 2, 1, 2);
    let (one, two) = (1, 2);
    let found = [one, two].map(|threads| explore(Shipped, size, Reduction::Full, threads));
    assert_eq!(found[0].progress, found[1].progress);
    let stories = [one, two].map(|threads| {
        broken(explore(UnreadableIsEmpty, size, Reduction::Full, threads)).expect("a story")
    });
    assert_eq!(stories[0], stories[1]);
}

/// Nothing fails, nobody votes no: every transaction commits (`non_triviality`).
#[test]
fn a_calm_system_commits() {
    for participants in 1..=3 {
        let size = Size::new(1, participants, 1, 0);
        let system = System::new(Shipped, size, Reduction::Full).expect("a size in range").calm();
        let found = search(&system, Limits { threads: 1, bytes: 1 << 30 }, |_| {});
        assert!(holds(&found), "{:?}", found.end);
        assert!(found.reached.contains(Sometimes::ToldCommitted));
        assert!(!found.reached.contains(Sometimes::ToldAborted));
    }
}

/// What is taken for one is alike: the plain exploration gives the same verdicts.
#[test]
fn reductions_hide_nothing_on_small_sizes() {
    let sizes =
        [(1, 1, 1, 2), (1, 1, 2, 1), (1, 2, 1, 0), (1, 2, 1, 1), (1, 2, 2, 0), (2, 1, 2, 0)];
    for (transactions, participants, coordinators, faults) in sizes {
        let size = Size::new(transactions, participants, coordinators, faults);
        let full = explore(Shipped, size, Reduction::Full, 2);
        let plain = explore(Shipped, size, Reduction::Plain, 2);
        assert!(holds(&full) && holds(&plain), "{size}");
        assert_eq!(full.reached, plain.reached, "{size}");
        assert!(full.progress.states < plain.progress.states, "{size}");
    }
}

/// Systems from the smallest on: transactions, participants, coordinators.
const SYSTEMS: [(u8, u8, u8); 4] = [(1, 1, 1), (1, 2, 1), (1, 2, 2), (2, 2, 1)];

/// A planted bug, looked for with budgets from none on, in systems from the smallest on.
fn smallest<R: Rules>(plant: impl Fn() -> R) -> Option<Story> {
    (0..=2).find_map(|faults| {
        SYSTEMS.into_iter().find_map(|(transactions, participants, coordinators)| {
            // Beyond that it has been looked for long enough for a test.
            let too_large = coordinators == 2 && faults == 2 || transactions == 2 && faults > 0;
            if too_large {
                return None;
            }
            shown(&plant, Size::new(transactions, participants, coordinators, faults))
        })
    })
}

/// What shows a planted bug in a system of this size.
///
/// A reduction that merged too much would hide a bug, and one that merged wrongly would invent
/// one. So where it can be afforded the plain exploration must say the same.
fn shown<R: Rules>(plant: impl Fn() -> R, size: Size) -> Option<Story> {
    let story = broken(explore(plant(), size, Reduction::Full, 2));
    let Size { transactions, participants, coordinators, faults } = size;
    let affordable = match (transactions, participants, coordinators) {
        (_, 1, _) => true,
        (1, 2, 1) => faults <= 1,
        (1, 2, 2) => faults == 0,
        _ => false,
    };
    if affordable || story.is_some() {
        let plain = broken(explore(plant(), size, Reduction::Plain, 2));
        assert_eq!(
            story.is_some(),
            plain.is_some(),
            "{size}, reduced and plain:\n{story:?}\n{plain:?}"
        );
    }
    story
}

/// The table of planted bugs, as it is committed.
#[derive(Default)]
struct Table(Vec<String>);

impl Table {
    fn add(&mut self, bug: &str, shipped_by: &str, story: Option<Story>) {
        let shown = story.map_or_else(
            || "(not shown)".to_owned(),
            |story| {
                println!("{bug}\n{story}\n");
                let broken = story.broken.as_deref().unwrap_or_default();
                format!("{broken:<22} {}, {} steps", story.size, story.actions.len())
            },
        );
        self.0.push(format!("{bug:<44} {shipped_by:<26} {shown}\n"));
    }
}

#[test]
fn planted_bugs_are_found_with_the_budgets_of_the_table() {
    let mut table = Table::default();
    let mut add = |bug: &str, by: &str, story| table.add(bug, by, story);
    add("commit before force", "classic", smallest(|| CommitBeforeForce));
    add("forget before all acknowledgements", "classic", smallest(|| ForgottenEarly));
    add(
        "recovery aborts a live transaction",
        "narayana 3079, citus 1030",
        smallest(|| RecoveryAbortsLive),
    );
    add("not found taken for committed", "vitess 16576, dtm", smallest(|| NotFoundIsCommitted));
    add("epoch unchecked at the force", "classic", smallest(|| EpochUnchecked));
    add("unreadable log taken for empty", "classic", smallest(|| UnreadableIsEmpty));
    add("zombie resolves newer epochs", "found by exploration", smallest(|| ZombieResolvesNewer));
    add("timeout taken for a yes", "classic", smallest(|| TimeoutTakenAsYes));
    add("rolled-back prepare taken for a yes", "psycopg2 1213", smallest(|| RollbackTakenAsYes));
    add(
        "failed force taken for an abort",
        "classic, cockroach 48301",
        smallest(|| FailedForceAborts(ForceFailure::Unknown)),
    );
    add(
        "fenced force taken for an abort",
        "classic",
        smallest(|| FailedForceAborts(ForceFailure::Fenced)),
    );
    add("prepare not durable", "mysql 98709", smallest(|| PrepareNotDurable));
    add("decision acknowledged before it is durable", "classic", smallest(|| DecisionNotDurable));
    add("decisions dropped at an opening", "vitess 20002", smallest(|| DecisionsDropped));
    add(
        "lost one-phase answer taken for an abort",
        "narayana 2443",
        smallest(|| OnePhaseLostIsAborted),
    );
    add("pending participants not named", "citus 3780", smallest(|| PendingUnsaid));
    add("commit not retried", "seata 6496", smallest(|| CommitNotRetried));
    add("recovery takes an error for an end", "citus 2095, pgjdbc 4438", smallest(|| ErrorIsFinal));
    add("untold taken for finished", "found by reading", smallest(|| UntoldIsFinished));
    add(
        "untold taken for finished in recovery",
        "found by reading",
        smallest(|| UntoldIsFinishedInRecovery),
    );
    add(
        "expired taken for absent when fenced",
        "found by exploration",
        smallest(|| ExpiredIsAbsent),
    );
    add(
        "decision lands after it was read as absent",
        "scalardb 2135",
        smallest(|| LandsAfterTheReading),
    );
    add(
        "committed branch comes back as prepared",
        "vitess, gpdb 10987",
        smallest(|| CommitComesBack),
    );
    add("heuristic endings not named", "classic", smallest(|| HeuristicUnsaid));
    add("abort told as a commit", "tidb 33641", smallest(|| AbortToldAsCommit));
    add("what the log does not know is left alone", "vitess 20647", smallest(|| UnknownLeftAlone));
    add("gid does not name the transaction", "citus 601b17d54", smallest(|| GidWithoutTransaction));
    add(
        "acknowledgements waited for without a timer",
        "classic",
        smallest(|| AcknowledgementsUntimed),
    );
    add(
        "fenced coordinator begins a commit",
        "classic",
        smallest(|| RefusedIsBegun(Obstacle::Fenced)),
    );
    add(
        "commit begun without a wanted branch",
        "classic",
        smallest(|| RefusedIsBegun(Obstacle::Incomplete)),
    );
    add(
        "untold one-phase commit presumed aborted",
        "found by reading",
        smallest(|| UntoldIsPresumed),
    );
    add("abort presumed while votes are out", "classic", smallest(|| AbortPresumedEarly));
    let reused = shown(|| GidReused, Size::new(2, 2, 1, 1));
    add("gid reused after a restart", "classic", reused);
    let (now, committed) = (table.0.concat(), include_str!("explore/planted.txt"));
    assert!(now == committed, "the table of planted bugs has changed:\n{now}");
}

/// Not a bug: the prepare that comes after its abort is met by the next sweep.
#[test]
fn an_overtaken_prepare_is_swept() {
    assert_eq!(smallest(|| PrepareOvertaken), None);
}

#[test]
fn a_story_replays_and_breaks_the_same() {
    let size = Size::new(1, 2, 1, 2);
    let story = broken(explore(UnreadableIsEmpty, size, Reduction::Full, 2)).expect("a story");
    let system = System::new(UnreadableIsEmpty, size, Reduction::Full).expect("a size in range");
    let text = serde_json::to_string(&story).expect("plain data");
    let read: Story = serde_json::from_str(&text).expect("what was written");
    assert_eq!(system.replay(&read.actions), Ok(story.clone()));
    let shipped = System::new(Shipped, size, Reduction::Full).expect("a size in range");
    assert!(shipped.replay(&read.actions).is_err() || story.broken.is_none());
}

#[test]
fn the_limit_of_memory_stops_a_search() {
    let system =
        System::new(Shipped, Size::new(1, 2, 2, 1), Reduction::Full).expect("a size in range");
    let found = search(&system, Limits { threads: 2, bytes: 1 << 19 }, |_| {});
    assert!(matches!(found.end, End::OutOfMemory));
    assert!(found.progress.states > 1_000 && found.progress.depth > 3);
}

#[test]
fn walks_find_what_searches_find() {
    let plan = Walks { seed: 7, walks: 20_000, against_faults: 16 };
    let size = Size::new(2, 3, 2, 3);
    let walk = |system: &System<ForgottenEarly>| system.walk(plan, 2, |_, _| {});
    let planted = System::new(ForgottenEarly, size, Reduction::Full).expect("a size in range");
    let story = walk(&planted).broken.expect("a story");
    assert_eq!(story.broken.as_deref(), Some("safe_forgetting"));
    let alone = planted.walk(plan, 1, |_, _| {}).broken;
    assert_eq!(alone.as_deref(), Some(&*story), "one seed, one walk, whatever the threads");
    let shipped = System::new(Shipped, size, Reduction::Full).expect("a size in range");
    let walked = shipped.walk(Walks { walks: 2_000, ..plan }, 2, |_, _| {});
    assert_eq!(walked.broken, None);
}
