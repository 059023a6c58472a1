//! The harness bites: each planted bug is caught within 2,000 seeds, or within 200 of traffic, and
//! the printed line replays it with the same trace hash in a new process. So does what is left of it
//! when it is shrunk: no more than six faults and two transactions, but where it takes traffic.

mod planted;

use std::process::Command;

use indoubt_sim::bend::Bend;
use indoubt_sim::fuzz::{Crashes, crashes};
use indoubt_sim::harness::{Caught, Harness};
use indoubt_sim::invariants::{Invariant, Violation};
use indoubt_sim::scenario::Scenario;
use indoubt_sim::shrink::{Shrunk, keep};

/// What seeds stand for, and how many are tried.
type Family = (fn(u64) -> Scenario, u64);

const SWARM: Family = (Scenario::from_seed, 2_000);
const TRAFFIC: Family = (Scenario::traffic, 200);

fn caught<B: Bend>(test: &str) {
    caught_in::<B>(SWARM, test);
}

/// The invariants that it broke. What is left of it when it is shrunk is small, and replays as well.
fn caught_in<B: Bend>((family, seeds): Family, test: &str) -> Vec<Invariant> {
    let caught = Harness::shipped().bend::<B>().family(family).seeds(seeds).caught();
    let Caught { failure, smallest } = caught;
    let is_replay = |name: &&str| std::env::var_os(name).is_some();
    if !["INDOUBT_SEED", "INDOUBT_SCENARIO"].iter().any(is_replay) {
        let seed = failure.seed.to_string();
        replays(test, ("INDOUBT_SEED", &seed), failure.hash, &failure.violations);
    }
    if let Some(shrunk) = &smallest {
        let Shrunk { smallest, run, .. } = shrunk;
        assert_eq!(shrunk.violation.invariant, failure.violations[0].invariant);
        assert_eq!(shrunk.to_string().parse().as_ref(), Ok(smallest));
        assert!(smallest.faults.len() <= 6, "{shrunk}");
        // What is late only while others work needs the others.
        let most = if smallest.traffic.is_some() { 16 } else { 2 };
        assert!(smallest.transactions <= most, "{shrunk}");
        let file = keep(shrunk, failure.seed).expect("a file beside what cargo builds");
        let file = file.to_str().expect("a path of text");
        replays(test, ("INDOUBT_SCENARIO", file), run.hash, &run.violations);
    }
    failure.violations.iter().map(|violation| violation.invariant).collect()
}

/// What the printed line runs, without building again.
fn replays(test: &str, (name, value): (&str, &str), hash: u64, violations: &[Violation]) {
    let replayed = Command::new(std::env::current_exe().expect("the test's own binary"))
        .args(["--exact", test, "--nocapture"])
        .env(name, value)
        .output()
        .expect("a second process");
    let printed = String::from_utf8_lossy(&replayed.stdout);
    let shows = |line: &str| assert!(printed.contains(line), "no {line} in:\n{printed}");
    shows(&format!("trace {hash:016x}"));
    for violation in violations {
        shows(&format!("VIOLATION {violation}"));
    }
}

/// Nothing is wrong with it but that it comes too late.
fn late<B: Bend>(test: &str) {
    assert_eq!(caught_in::<B>(TRAFFIC, test), [Invariant::BoundedWait]);
}

#[test]
fn commit_sent_before_the_decision_is_forced() {
    caught::<planted::CommitBeforeForce>("commit_sent_before_the_decision_is_forced");
}

#[test]
fn the_sync_of_the_decision_is_skipped() {
    caught::<planted::DecisionNeverSynced>("the_sync_of_the_decision_is_skipped");
}

#[test]
fn a_decision_is_forgotten_before_every_acknowledgement() {
    caught::<planted::ForgottenEarly>("a_decision_is_forgotten_before_every_acknowledgement");
}

#[test]
fn recovery_aborts_a_live_transaction() {
    caught::<planted::RecoveryAbortsLive>("recovery_aborts_a_live_transaction");
}

#[test]
fn a_timeout_is_taken_for_a_yes() {
    caught::<planted::TimeoutTakenAsYes>("a_timeout_is_taken_for_a_yes");
}

#[test]
fn a_prepare_is_acknowledged_before_it_is_durable() {
    caught::<planted::PrepareNeverSynced>("a_prepare_is_acknowledged_before_it_is_durable");
}

#[test]
fn a_panic_is_a_violation_with_a_seed() {
    caught::<planted::PanicsAtTheForce>("a_panic_is_a_violation_with_a_seed");
}

#[test]
fn a_reader_waits_until_no_force_is_queued() {
    late::<planted::ReadersComeLast>("a_reader_waits_until_no_force_is_queued");
}

#[test]
fn a_forget_waits_for_the_disk() {
    late::<planted::ForgetsAreForced>("a_forget_waits_for_the_disk");
}

#[test]
fn recovery_asks_one_participant_at_a_time() {
    late::<planted::OneAtATime>("recovery_asks_one_participant_at_a_time");
}

#[test]
fn another_logs_branches_are_taken_for_orphans() {
    let test = "another_logs_branches_are_taken_for_orphans";
    let broken = caught_in::<planted::AllIsOurs>(SWARM, test);
    assert!(broken.contains(&Invariant::Ownership), "{broken:?}");
}

#[test]
fn a_participant_that_is_not_listed_in_time_has_nothing_prepared() {
    let test = "a_participant_that_is_not_listed_in_time_has_nothing_prepared";
    let broken = caught_in::<planted::UnlistedIsEmpty>(SWARM, test);
    assert!(broken.contains(&Invariant::HonestReports), "{broken:?}");
}

#[test]
fn a_no_is_told_as_a_vote_that_did_not_come() {
    let test = "a_no_is_told_as_a_vote_that_did_not_come";
    let broken = caught_in::<planted::NoTakenForSilence>(SWARM, test);
    assert_eq!(broken, [Invariant::HonestReports]);
}

#[test]
fn a_prepare_is_asked_for_twice() {
    let test = "a_prepare_is_asked_for_twice";
    let broken = caught_in::<planted::PreparesTwice>(SWARM, test);
    assert!(broken.contains(&Invariant::StatedCost), "{broken:?}");
}

#[test]
fn a_force_returns_before_its_sync() {
    caught::<planted::SyncedAfterwards<true>>("a_force_returns_before_its_sync");
}

#[test]
fn a_vote_is_given_before_its_sync() {
    caught::<planted::SyncedAfterwards<false>>("a_vote_is_given_before_its_sync");
}

#[test]
fn a_log_that_cannot_be_read_has_no_decision() {
    caught::<planted::UnreadableIsAbsent>("a_log_that_cannot_be_read_has_no_decision");
}

#[test]
fn a_commit_that_is_under_way_has_rolled_back() {
    caught::<planted::UnderWayIsRolledBack>("a_commit_that_is_under_way_has_rolled_back");
}

#[test]
fn an_operators_hand_is_taken_for_the_decision() {
    caught::<planted::HeuristicIsAsDecided>("an_operators_hand_is_taken_for_the_decision");
}

#[test]
fn a_fenced_decision_is_durable() {
    caught::<planted::FencedIsForced>("a_fenced_decision_is_durable");
}

/// How many of the first ten findings are small when they are shrunk.
fn small<B: Bend>() -> usize {
    let harness = Harness::shipped().bend::<B>();
    let found = (0..).filter_map(|seed| harness.shrink(&Scenario::from_seed(seed))).take(10);
    let told = found.inspect(|shrunk| println!("{}", shrunk.summary()));
    told.filter(|Shrunk { smallest, .. }| smallest.faults.len() <= 6 && smallest.transactions <= 2)
        .count()
}

/// Not only of the first seed that finds it, which is often the luckiest.
#[test]
fn nine_in_ten_findings_are_small_when_they_are_shrunk() {
    let small = small::<planted::DecisionNeverSynced>()
        + small::<planted::PrepareNeverSynced>()
        + small::<planted::TimeoutTakenAsYes>();
    assert!(small * 10 >= 30 * 9, "{small} of 30");
}

/// Crashes at every step of a run in which nothing else fails.
fn swept<B: Bend>() -> Crashes {
    let calm = Scenario { transactions: 2, faults: Vec::new(), ..Scenario::reference(1) };
    let swept = crashes(&calm, &Harness::shipped().bend::<B>(), 0, 2);
    assert!(!swept.broken.is_empty(), "a crash at some step breaks it");
    swept
}

#[test]
fn a_crash_at_every_step_finds_what_one_crash_breaks() {
    for swept in [swept::<planted::DecisionNeverSynced>(), swept::<planted::PrepareNeverSynced>()] {
        println!("{} of {} crashes broke an invariant", swept.broken.len(), swept.singles);
        for one in swept.broken {
            let again = Harness::shipped().run(&one.scenario);
            assert_eq!(again.violations, [], "what ships breaks at {:?} too", one.points);
        }
    }
}
