//! The harness bites: each planted bug is caught within 2,000 seeds, or within 200 of traffic, and
//! the printed line replays it with the same trace hash in a new process.

mod planted;

use std::process::Command;

use indoubt_sim::fuzz::{Budget, Sweep, sweep};
use indoubt_sim::invariants::Invariant;
use indoubt_sim::scenario::Scenario;
use indoubt_sim::world::{Seams, run_with};

/// What seeds stand for, and how many are tried.
type Family = (fn(u64) -> Scenario, u64);

const SWARM: Family = (Scenario::from_seed, 2_000);
const TRAFFIC: Family = (Scenario::traffic, 200);

/// Set to a seed, this makes a test of this file replay it instead of searching.
const REPLAY: &str = "INDOUBT_REPLAY";

fn caught(test: &str, seams: &impl Seams) {
    caught_in(SWARM, test, seams);
}

/// The invariants that it broke.
fn caught_in((scenario, seeds): Family, test: &str, seams: &impl Seams) -> Vec<Invariant> {
    if let Ok(seed) = std::env::var(REPLAY) {
        let seed = seed.parse().expect("INDOUBT_REPLAY is a seed");
        let run = run_with(&scenario(seed), seams.clone());
        println!("{}\ntrace {:016x}", run.history, run.hash);
        for violation in &run.violations {
            println!("VIOLATION {violation}");
        }
        assert!(!run.violations.is_empty(), "seed {seed} breaks nothing: unset {REPLAY} to search");
        return run.violations.iter().map(|violation| violation.invariant).collect();
    }
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let budget = Budget::Seeds(seeds);
    let search = Sweep { first_seed: 0, budget, jobs, scenario, follow: None };
    let report = sweep(search, seams, || {});
    let failure = report.failure.unwrap_or_else(|| panic!("{test} survived {} seeds", report.runs));
    println!(
        "caught after {} runs, at seed {}, trace {:016x}",
        report.runs, failure.seed, failure.hash
    );
    for violation in &failure.violations {
        println!("  {violation}");
    }
    println!(
        "replay it with\n  {REPLAY}={} cargo test --test teeth -- --exact {test} --nocapture",
        failure.seed
    );

    // What that line runs, without building again.
    let replayed = Command::new(std::env::current_exe().expect("the test's own binary"))
        .args(["--exact", test, "--nocapture"])
        .env(REPLAY, failure.seed.to_string())
        .output()
        .expect("a second process");
    let printed = String::from_utf8_lossy(&replayed.stdout);
    assert!(
        printed.contains(&format!("trace {:016x}", failure.hash)),
        "another trace in a new process:\n{printed}"
    );
    for violation in &failure.violations {
        assert!(
            printed.contains(&format!("VIOLATION {violation}")),
            "{violation} is gone in a new process"
        );
    }
    failure.violations.iter().map(|violation| violation.invariant).collect()
}

/// Nothing is wrong with it but that it comes too late.
fn late(test: &str, seams: &impl Seams) {
    let broken = caught_in(TRAFFIC, test, seams);
    assert_eq!(broken, [Invariant::BoundedWait]);
}

#[test]
fn commit_sent_before_the_decision_is_forced() {
    caught(
        "commit_sent_before_the_decision_is_forced",
        &planted::bent::<planted::CommitBeforeForce>(),
    );
}

#[test]
fn the_sync_of_the_decision_is_skipped() {
    caught("the_sync_of_the_decision_is_skipped", &planted::DecisionNeverSynced);
}

#[test]
fn a_decision_is_forgotten_before_every_acknowledgement() {
    caught(
        "a_decision_is_forgotten_before_every_acknowledgement",
        &planted::bent::<planted::ForgottenEarly>(),
    );
}

#[test]
fn recovery_aborts_a_live_transaction() {
    caught("recovery_aborts_a_live_transaction", &planted::RecoveryAbortsLive);
}

#[test]
fn a_timeout_is_taken_for_a_yes() {
    caught("a_timeout_is_taken_for_a_yes", &planted::bent::<planted::TimeoutTakenAsYes>());
}

#[test]
fn a_prepare_is_acknowledged_before_it_is_durable() {
    caught("a_prepare_is_acknowledged_before_it_is_durable", &planted::PrepareNeverSynced);
}

#[test]
fn a_panic_is_a_violation_with_a_seed() {
    caught("a_panic_is_a_violation_with_a_seed", &planted::bent::<planted::PanicsAtTheForce>());
}

#[test]
fn a_reader_waits_until_no_force_is_queued() {
    late("a_reader_waits_until_no_force_is_queued", &planted::bent::<planted::ReadersComeLast>());
}

#[test]
fn a_forget_waits_for_the_disk() {
    late("a_forget_waits_for_the_disk", &planted::bent::<planted::ForgetsAreForced>());
}

#[test]
fn recovery_asks_one_participant_at_a_time() {
    late("recovery_asks_one_participant_at_a_time", &planted::bent::<planted::OneAtATime>());
}

#[test]
fn another_logs_branches_are_taken_for_orphans() {
    let test = "another_logs_branches_are_taken_for_orphans";
    let broken = caught_in(SWARM, test, &planted::bent::<planted::AllIsOurs>());
    assert!(broken.contains(&Invariant::Ownership), "{broken:?}");
}
