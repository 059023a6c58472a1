//! Property tests: whatever scenario is drawn, the shipped coordinator keeps every invariant.

use indoubt_sim::fuzz::{Budget, Report, Sweep, sweep};
use indoubt_sim::harness::Harness;
use indoubt_sim::history::{Place, Word};
use indoubt_sim::scenario::{
    Clocks, Cue, Disks, Fault, FaultKind, Habits, Locks, MessageDeed, Network, Scenario, Servers,
    Sight, When, Workload,
};
use indoubt_sim::shrink::keep;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

const PARTICIPANTS: u8 = 4;

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![Just(Place::Coordinator(0)), participant().prop_map(Place::Participant)]
}

fn participant() -> impl Strategy<Value = u8> {
    // Of the smallest world, so that a place exists however many participants are drawn.
    0..2_u8
}

fn kind() -> impl Strategy<Value = FaultKind> {
    let (rate, coordinator) = (0..300_u16, Place::Coordinator(0));
    prop_oneof![
        place().prop_map(|place| FaultKind::Crash { place }),
        participant()
            .prop_map(move |p| FaultKind::Cut { a: coordinator, b: Place::Participant(p) }),
        participant().prop_map(move |p| FaultKind::CutOneWay {
            from: coordinator,
            to: Place::Participant(p)
        }),
        participant().prop_map(move |p| FaultKind::CutOneWay {
            from: Place::Participant(p),
            to: coordinator
        }),
        (place(), rate.clone(), rate.clone(), rate).prop_map(
            |(place, sync_permille, short_permille, read_permille)| {
                FaultKind::Disk { place, sync_permille, short_permille, read_permille }
            }
        ),
        place().prop_map(|place| FaultKind::Kill { place }),
        place().prop_map(|place| FaultKind::Pause { place }),
        (place(), 1..300_u32).prop_map(|(place, factor)| FaultKind::Slow { place, factor }),
        (participant(), 1..300_u32).prop_map(move |(p, factor)| FaultKind::SlowLink {
            from: coordinator,
            to: Place::Participant(p),
            factor
        }),
        prop::collection::vec(place(), 1..4).prop_map(|places| FaultKind::Isolate { places }),
        (participant(), 1..300_u64, 1..300_u64).prop_map(move |(p, down_ms, up_ms)| {
            FaultKind::Flap { a: coordinator, b: Place::Participant(p), down_ms, up_ms }
        }),
        (place(), 1..=1_000_u16)
            .prop_map(|(place, permille)| FaultKind::Misread { place, permille }),
        (place(), 0..3_000_u64).prop_map(|(place, by_ms)| FaultKind::ClockJump { place, by_ms }),
        (participant(), 0..3_u32).prop_map(|(p, most)| FaultKind::Slots { p, most }),
        place().prop_map(|place| FaultKind::DiskFull { place }),
        place().prop_map(|place| FaultKind::DiskStuck { place }),
        participant().prop_map(|p| FaultKind::Forget { p }),
        participant().prop_map(|p| FaultKind::Failover { p }),
        Just(FaultKind::Rival),
        Just(FaultKind::Takeover),
        Just(FaultKind::LetGo),
        Just(FaultKind::Undriven),
        (participant(), any::<bool>()).prop_map(|(p, commit)| FaultKind::Operator { p, commit }),
        message(),
    ]
}

fn message() -> impl Strategy<Value = FaultKind> {
    let word = select(vec![
        Word::Prepare,
        Word::OnePhase,
        Word::Commit,
        Word::Abort,
        Word::List,
        Word::Vote,
        Word::OnePhaseAnswer,
        Word::Acknowledgement,
        Word::Other,
    ]);
    let deed = select(vec![MessageDeed::Lose, MessageDeed::Again, MessageDeed::Late]);
    let to = option::of((0..2_u8).prop_map(Place::Participant));
    (word, 1..40_u32, to, deed, 0..2_000_u64).prop_map(|(word, nth, to, deed, by_ms)| {
        FaultKind::Message { word, nth, from: None, to, deed, by_ms }
    })
}

fn when() -> impl Strategy<Value = When> {
    let cue = (select(Sight::ALL.to_vec()), 1..60_u32, prop_oneof![Just(0), 1..5_000_u64]);
    prop_oneof![
        (0..2_500_u64).prop_map(When::At),
        cue.prop_map(|(event, nth, us)| When::On(Cue { event, at: None, nth }, us)),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    (when(), 1..1_500_u64, kind()).prop_map(|(when, for_ms, kind)| Fault { when, for_ms, kind })
}

fn workload() -> impl Strategy<Value = Workload> {
    prop_oneof![
        (1..20_u64, 0..300_u16, 0..500_u16, 0..200_u16, 0..500_u16).prop_map(
            |(accounts, overdraw_permille, audit_permille, read_only_permille, single_permille)| {
                Workload::Transfers {
                    accounts,
                    overdraw_permille,
                    audit_permille,
                    read_only_permille,
                    single_permille,
                }
            }
        ),
        (1..5_u64, 0..60_i64).prop_map(|(items, stock)| Workload::Orders { items, stock }),
    ]
}

fn network() -> impl Strategy<Value = Network> {
    (1..500_u64, 500..20_000_u64, 0..150_u16, 0..150_u16, 0..150_u16, 0..800_u64).prop_map(
        |(
            latency_min_us,
            latency_max_us,
            loss_permille,
            duplicate_permille,
            reorder_permille,
            reorder_ms,
        )| Network {
            latency_min_us,
            latency_max_us,
            loss_permille,
            duplicate_permille,
            reorder_permille,
            reorder_ms,
            slow_permille: 10,
        },
    )
}

fn disks() -> impl Strategy<Value = Disks> {
    let sync_us = || (0..3_000_u64, 0..6_000_u64).prop_map(|(least, more)| (least, least + more));
    (0..2_000_u64, sync_us(), 0..2_000_u64, sync_us(), 0..3_u32).prop_map(
        |(call_us, sync_us, log_call_us, log_sync_us, fate)| Disks {
            call_us,
            sync_us,
            log_call_us,
            log_sync_us,
            fate,
        },
    )
}

fn habits() -> impl Strategy<Value = Habits> {
    let rate = || prop_oneof![Just(0), 0..500_u16];
    let watch_ms = prop_oneof![Just(0), 1..500_u64];
    (rate(), rate(), rate(), rate(), watch_ms, any::<bool>()).prop_map(
        |(hasty_permille, leave_permille, ask_permille, sweep_permille, watch_ms, alarm_panics)| {
            Habits {
                hasty_permille,
                leave_permille,
                ask_permille,
                sweep_permille,
                watch_ms,
                alarm_panics,
            }
        },
    )
}

/// Those of the first transactions in half of the cases, else of any.
fn numbers() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![
        (1..20_u32).prop_map(|transactions| (0..transactions).collect()),
        prop::collection::btree_set(0..100_u32, 1..20).prop_map(|some| some.into_iter().collect()),
    ]
}

prop_compose! {
    fn scenario()(
        seed in any::<u64>(),
        participants in 2..=PARTICIPANTS,
        workload in workload(),
        numbers in numbers(),
        clients in 1..6_u16,
        think_ms in 0..200_u64,
        deadline_ms in 50..500_u64,
        acknowledge_ms in 0..1_000_u64,
        recovery_ms in 50..600_u64,
        compact_bytes in prop_oneof![Just(300_u64), Just(1 << 20)],
        remembered in prop_oneof![1..8_u32, Just(4_096)],
        network in network(),
        disks in disks(),
        drift_permille in prop_oneof![Just(0), 0..300_u16],
        wait_ms in prop_oneof![Just(0), 1..700_u64],
        habits in habits(),
        faults in prop::collection::vec(fault(), 0..8),
    ) -> Scenario {
        let transactions = u32::try_from(numbers.len()).expect("a few");
        let numbers = if numbers.last() < Some(&transactions) { Vec::new() } else { numbers };
        Scenario {
            seed, participants, servers: Servers::default(), workload, transactions, numbers, clients, think_ms, heal_ms: 3_000, rest_within_ms: 60_000,
            deadline_ms, acknowledge_ms, recovery_ms, compact_bytes, remembered, network, disks,
            clocks: Clocks { drift_permille }, locks: Locks { wait_ms }, habits,
            traffic: None, faults,
        }
    }
}

proptest! {
    // What fails is made smaller by those who know what a scenario is.
    #![proptest_config(ProptestConfig { cases: 1_000, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn every_invariant_holds_whatever_the_scenario(scenario in scenario()) {
        scenario.check().expect("the strategy draws what can be run");
        if let Some(shrunk) = Harness::shipped().shrink(&scenario) {
            let file = keep(&shrunk, scenario.seed).map(|path| path.display().to_string());
            let file = file.unwrap_or_else(|unkept| format!("FILE, where FILE has this ({unkept})"));
            prop_assert!(
                false,
                "{}:\n\n{shrunk}\nreplay it with\n  cargo sim replay --scenario {file}",
                shrunk.summary()
            );
        }
    }

    #[test]
    fn a_printed_scenario_is_the_same_scenario(scenario in scenario()) {
        prop_assert_eq!(scenario.to_string().parse::<Scenario>().unwrap(), scenario);
    }
}

fn swept(seeds: u64, scenario: fn(u64) -> Scenario) -> Report {
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let budget = Budget::Seeds(seeds);
    let seeds = Sweep { first_seed: 0, budget, jobs, scenario: &scenario, claims: &[] };
    let report = sweep(seeds, &Harness::shipped(), || {});
    println!("{}", report.reach);
    report
}

/// What the other families cannot show, for they wait until the clients are done: progress beside
/// clients that never pause.
#[test]
fn what_is_waited_for_comes_in_time_though_the_clients_never_pause() {
    let report = swept(150, Scenario::traffic);
    assert_eq!(report.failure, None, "`cargo sim replay SEED --family traffic` shows it");
    let missing = report.reach.missing_under_traffic();
    assert!(missing.is_empty(), "never reached: {missing:?}");
}

#[test]
fn every_invariant_holds_in_a_crowd() {
    let report = swept(60, Scenario::crowd);
    assert_eq!(report.failure, None, "`cargo sim replay SEED --family crowd` shows it");
    let missing = report.reach.missing_in_a_crowd();
    assert!(missing.is_empty(), "never reached: {missing:?}");
}
