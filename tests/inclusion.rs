//! Trace inclusion: each of many runs of the simulator is one that the explorer allows. So what the
//! explorer proves in its environment is not proved of an easier world than the driver, the file
//! log and the simulated participants live in.
//!
//! Absent is the Postgres adapter, which is not simulated; and that something was never done is
//! not noticed, for the explorer lets everything take its time.

#[allow(dead_code, unused_imports, reason = "not every test plants every bug")]
mod planted;

use indoubt_sim::bend::Bend;
use indoubt_sim::explore::{Followed, Inclusion};
use indoubt_sim::harness::Harness;
use indoubt_sim::history::{Entry, Event, History, Told};
use indoubt_sim::invariants::{Invariant, Violation};
use indoubt_sim::scenario::Scenario;
use indoubt_sim::world::run_with;

const SEEDS: u64 = 3_000;

/// Kinds of the explorer's actions that a history need not show: a request is never taken off
/// the network while it is followed, notes of the file log are not lost by themselves and it
/// remembers more transactions than a run has.
const NEVER_NEEDED: [&str; 3] = ["lose", "forget lost", "expire"];

#[test]
fn the_explorer_allows_whatever_the_simulator_does() {
    let inclusion = Inclusion::new().expect("the machines fit");
    let mut all = Followed::default();
    for seed in 0..SEEDS {
        let run = run_with(&Scenario::from_seed(seed), Harness::shipped(), &[]);
        match inclusion.follow(&run.history) {
            Ok(followed) => all.add(&followed),
            Err(strange) => {
                panic!("seed {seed}: {strange}\n`cargo sim replay {seed} --follow` shows it")
            }
        }
    }
    println!("{all:#?}");
    let missed: Vec<_> = indoubt_sim::explore::Action::KINDS
        .iter()
        .filter(|kind| !all.actions.contains_key(*kind) && !NEVER_NEEDED.contains(kind))
        .collect();
    assert!(missed.is_empty(), "no run has shown: {missed:?}");
}

/// A world with a bug in it does what the explorer does not allow.
fn strange<B: Bend>() -> String {
    let inclusion = Inclusion::new().expect("the machines fit");
    let found = (0..SEEDS).find_map(|seed| {
        let run = run_with(&Scenario::from_seed(seed), Harness::shipped().bend::<B>(), &[]);
        inclusion.follow(&run.history).err().map(|strange| format!("seed {seed}: {strange}"))
    });
    let strange = found.expect("something that the explorer does not allow");
    println!("{strange}");
    strange
}

/// A run that the explorer does not allow fails as one that breaks an invariant does.
#[test]
fn a_run_that_is_not_allowed_is_a_violation() {
    let inclusion = Inclusion::new().expect("the machines fit");
    let forgetful = Harness::shipped().bend::<planted::ForgottenEarly>();
    let run = run_with(&Scenario::from_seed(0), forgetful, &[inclusion.claim()]);
    let named = |violation: &&Violation| violation.invariant == Invariant::AsExplored;
    let violation = run.violations.iter().find(named).expect("it is not allowed");
    assert!(violation.what.contains("forgotten by"), "{violation}");
}

#[test]
fn a_commit_that_is_sent_before_the_force_is_not_allowed() {
    let strange = strange::<planted::CommitBeforeForce>();
    assert!(strange.contains("asked to commit") || strange.contains("to commit"), "{strange}");
}

#[test]
fn a_decision_that_is_forgotten_early_is_not_allowed() {
    let strange = strange::<planted::ForgottenEarly>();
    assert!(strange.contains("forgotten by"), "{strange}");
}

#[test]
fn a_decision_that_a_crash_loses_is_not_allowed() {
    let strange = strange::<planted::DecisionNeverSynced>();
    assert!(strange.contains("opened the log") || strange.contains("no decision"), "{strange}");
}

#[test]
fn a_prepared_branch_that_a_crash_loses_is_not_allowed() {
    strange::<planted::PrepareNeverSynced>();
}

#[test]
fn a_recovery_that_aborts_what_is_live_is_not_allowed() {
    let strange = strange::<planted::RecoveryAbortsLive>();
    assert!(strange.contains("recovering"), "{strange}");
}

#[test]
fn a_timeout_that_is_taken_for_a_yes_is_not_allowed() {
    let strange = strange::<planted::TimeoutTakenAsYes>();
    assert!(strange.contains("forcing the decision"), "{strange}");
}

/// How many of these histories are refused when something in each was changed, of how many.
fn refused(doctor: impl Fn(&Entry) -> Option<Entry>) -> (usize, usize) {
    let inclusion = Inclusion::new().expect("the machines fit");
    let mut counts = (0, 0);
    for seed in 0..200 {
        let run = run_with(&Scenario::from_seed(seed), Harness::shipped(), &[]);
        // From these on a transaction is followed no further.
        let beyond =
            |event: &Event| matches!(event, Event::Acknowledged { .. } | Event::FailedOver { .. });
        if run.history.events().any(beyond) {
            continue;
        }
        let doctored: History = run.history.entries().iter().filter_map(&doctor).collect();
        if doctored != run.history {
            counts.1 += 1;
            counts.0 += usize::from(inclusion.follow(&doctored).is_err());
        }
    }
    println!("{} of {} refused", counts.0, counts.1);
    counts
}

fn always(doctor: impl Fn(&Entry) -> Option<Entry>) {
    let (refused, of) = refused(doctor);
    assert!(refused == of && of > 50, "{refused} of {of}");
}

fn changed(entry: &Entry, change: impl FnOnce(&mut Event)) -> Entry {
    let mut entry = entry.clone();
    change(&mut entry.event);
    entry
}

#[test]
fn nothing_is_prepared_before_the_client_asks() {
    always(|entry| {
        let asks = matches!(entry.event, Event::AskedCommit { .. });
        if asks { None } else { Some(entry.clone()) }
    });
}

#[test]
fn whoever_asks_by_gid_is_told_what_the_log_says() {
    always(|entry| {
        Some(changed(entry, |event| {
            if let Event::Status { told, .. } = event
                && *told == Told::Committed
            {
                *told = Told::Aborted;
            }
        }))
    });
}

#[test]
fn an_answer_is_what_the_machine_has_answered() {
    always(|entry| {
        Some(changed(entry, |event| {
            if let Event::Answered { told, .. } = event
                && *told == Told::Committed
            {
                *told = Told::Aborted;
            }
        }))
    });
}

/// Those that are prepared at the moment are found missing; others have ended meanwhile.
#[test]
fn who_is_pending_is_named() {
    let (refused, of) = refused(|entry| {
        Some(changed(entry, |event| {
            if let Event::Answered { pending, .. } = event {
                pending.clear();
            }
        }))
    });
    assert!(refused > 10, "{refused} of {of}");
}
