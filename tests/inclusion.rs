//! Trace inclusion: every run of the simulator is one that the explorer allows. So what the
//! explorer proves of its environment holds of the driver, the file log and the participants too.

#[allow(dead_code, unused_imports, reason = "not every test plants every bug")]
mod planted;

use indoubt_sim::explore::{Followed, Inclusion};
use indoubt_sim::scenario::Scenario;
use indoubt_sim::world::{Seams, Shipped, run_with};

const SEEDS: u64 = 3_000;

/// Kinds of the explorer's actions that a history need not show: a request is never taken off
/// the network while it is followed, notes of the file log are not lost by themselves and it
/// remembers more transactions than a run has, and simulated participants remember all of them.
const NEVER_NEEDED: [&str; 4] = ["lose", "forget lost", "expire", "lose evidence"];

#[test]
fn the_explorer_allows_whatever_the_simulator_does() {
    let inclusion = Inclusion::new().expect("the machines fit");
    let mut all = Followed::default();
    for seed in 0..SEEDS {
        let run = run_with(&Scenario::from_seed(seed), Shipped);
        match inclusion.follow(&run.history) {
            Ok(followed) => all.add(&followed),
            Err(strange) => panic!("seed {seed}: {strange}\n`cargo sim replay {seed}` shows it"),
        }
    }
    println!("{all:#?}");
    assert_eq!(all.too_wide, 0, "every transaction fits into an exploration");
    let missed: Vec<_> = indoubt_sim::explore::Action::KINDS
        .iter()
        .filter(|kind| !all.actions.contains_key(*kind) && !NEVER_NEEDED.contains(kind))
        .collect();
    assert!(missed.is_empty(), "no run has shown: {missed:?}");
}

/// A world with a bug in it does what the explorer does not allow.
fn strange(seams: &impl Seams) -> String {
    let inclusion = Inclusion::new().expect("the machines fit");
    let found = (0..SEEDS).find_map(|seed| {
        let run = run_with(&Scenario::from_seed(seed), seams.clone());
        inclusion.follow(&run.history).err().map(|strange| format!("seed {seed}: {strange}"))
    });
    let strange = found.expect("something that the explorer does not allow");
    println!("{strange}");
    strange
}

#[test]
fn a_commit_that_is_sent_before_the_force_is_not_allowed() {
    let strange = strange(&planted::Forcing(planted::CommitBeforeForce));
    assert!(strange.contains("asked to commit") || strange.contains("to commit"), "{strange}");
}

#[test]
fn a_decision_that_is_forgotten_early_is_not_allowed() {
    let strange = strange(&planted::Forcing(planted::ForgottenEarly));
    assert!(strange.contains("forgotten by the log"), "{strange}");
}

#[test]
fn a_decision_that_a_crash_loses_is_not_allowed() {
    let strange = strange(&planted::DecisionNeverSynced);
    assert!(strange.contains("opened the log") || strange.contains("no decision"), "{strange}");
}

#[test]
fn a_prepared_branch_that_a_crash_loses_is_not_allowed() {
    strange(&planted::PrepareNeverSynced);
}

#[test]
fn a_recovery_that_aborts_what_is_live_is_not_allowed() {
    let strange = strange(&planted::RecoveryAbortsLive);
    assert!(strange.contains("recovering"), "{strange}");
}

#[test]
fn a_timeout_that_is_taken_for_a_yes_is_not_allowed() {
    let strange = strange(&planted::TimeoutTakenAsYes);
    assert!(strange.contains("forcing the decision"), "{strange}");
}
