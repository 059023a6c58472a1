//! Bugs planted at both seams: the explorer's shortest story, carried over, breaks the same
//! invariant in the simulator.
//!
//! The explorer judges a state where a wrong one can first be told, and the simulator a history in
//! which it has to show. So a story may have to go on a little: a coordinator crashes, a force
//! lands after all.
//!
//! Absent are bugs inside the driver, where the simulator has no seam (a zombie that resolves
//! newer epochs, participants that are not named as pending), the one whose plant comes by time
//! (recovery that aborts live transactions), those of a log that works otherwise than the file
//! log (epochs unchecked, decisions dropped), and the one whose story needs a log that answers whom
//! it has fenced (expired taken for absent).

use indoubt::protocol::ForceFailure;
use indoubt_sim::bend::Bend;
use indoubt_sim::bridge::{Carried, CarriedRun, Order, carry_beside};
use indoubt_sim::explore::{Action, End, Limits, Reduction, Rules, Size, Story, System, search};

use super::{bent, explored, planted};

/// A crash leaves more or less of what was not synced, as the seed has it.
const SEEDS: u64 = 8;

/// The shortest story of a bug that is planted in the explorer.
fn shortest<R: Rules>(rules: R, size: Size) -> Story {
    let system = System::new(rules, size, Reduction::Full).expect("a size in range");
    match search(&system, Limits { threads: 2, bytes: 1 << 30 }, |_| {}).end {
        End::Broken(story) => *story,
        other => panic!("nothing is broken: {other:?}"),
    }
}

/// The story and `more` are carried to their end, and break `named` in the simulator.
fn breaks<B: Bend, R: Rules>(
    named: &str,
    rules: impl Fn() -> R,
    size: Size,
    more: &[Action],
) -> Story {
    let story = shortest(rules(), size);
    let mut longer = story.clone();
    longer.actions.extend(more);
    longer.size.faults += more.iter().map(|action| action.cost()).sum::<u8>();
    println!("{longer}");
    let shown = (0..SEEDS).any(|seed| {
        let CarriedRun { run, carried } = carry_beside::<B>(&Order::of(&longer, seed), rules());
        println!("{}\n{carried:?}\n{:#?}", run.history, run.violations);
        carried == Some(Carried::Through)
            && run.violations.iter().any(|violation| violation.invariant.name() == named)
    });
    assert!(shown, "{named} is not broken by any of {SEEDS} seeds");
    story
}

fn breaks_the_same<B: Bend, R: Rules>(
    named: &str,
    rules: impl Fn() -> R,
    size: Size,
    more: &[Action],
) {
    let story = breaks::<B, R>(named, rules, size, more);
    assert_eq!(story.broken.as_deref(), Some(named));
}

const CALM: Size = Size::new(1, 2, 1, 0);
const FAULT: Size = Size::new(1, 2, 1, 1);
const CRASH: Action = Action::Crash { c: 0 };

#[test]
fn commit_before_force() {
    breaks_the_same::<planted::CommitBeforeForce, _>(
        "client_truth",
        || explored::CommitBeforeForce,
        CALM,
        &[CRASH],
    );
}

#[test]
fn forget_before_all_acknowledgements() {
    breaks_the_same::<planted::ForgottenEarly, _>(
        "safe_forgetting",
        || explored::ForgottenEarly,
        CALM,
        &[],
    );
}

#[test]
fn not_found_taken_for_committed() {
    let rules = || explored::NotFoundIsCommitted;
    breaks_the_same::<bent::NotFoundIsCommitted, _>("heuristics_reported", rules, FAULT, &[]);
}

/// To the explorer the decision counts as a commit. To a history only a branch does, and in this
/// story the only other one has read; but the client was told.
#[test]
fn unreadable_log_taken_for_empty() {
    let story = breaks::<bent::UnreadableIsEmpty, _>(
        "client_truth",
        || explored::UnreadableIsEmpty,
        CALM,
        &[],
    );
    assert_eq!(story.broken.as_deref(), Some("agreement"));
}

#[test]
fn timeout_taken_for_a_yes() {
    breaks_the_same::<bent::TimeoutTakenAsYes, _>(
        "validity",
        || explored::TimeoutTakenAsYes,
        CALM,
        &[],
    );
}

#[test]
fn rolled_back_prepare_taken_for_a_yes() {
    breaks_the_same::<bent::RollbackTakenAsYes, _>(
        "validity",
        || explored::RollbackTakenAsYes,
        CALM,
        &[],
    );
}

#[test]
fn failed_force_taken_for_an_abort() {
    let rules = || explored::FailedForceAborts(ForceFailure::Unknown);
    breaks_the_same::<bent::FailedForceAborts<false>, _>(
        "client_truth",
        rules,
        FAULT,
        &[Action::Land { t: 0 }],
    );
}

#[test]
fn fenced_force_taken_for_an_abort() {
    let rules = || explored::FailedForceAborts(ForceFailure::Fenced);
    breaks_the_same::<bent::FailedForceAborts<true>, _>(
        "client_truth",
        rules,
        Size { coordinators: 2, ..CALM },
        &[],
    );
}

/// The explorer sees a decision over a branch that is gone. The history has its vote, as the
/// server believed it; what it shows is that the participant cannot say how the branch ended,
/// though it never lost its evidence.
#[test]
fn prepare_not_durable() {
    let rules = || explored::PrepareNotDurable;
    let story = breaks::<planted::PrepareNeverSynced, _>("heuristics_reported", rules, FAULT, &[]);
    assert_eq!(story.broken.as_deref(), Some("validity"));
}

#[test]
fn decision_acknowledged_before_it_is_durable() {
    let more = [CRASH, Action::Open { c: 0 }];
    breaks_the_same::<planted::DecisionNeverSynced, _>(
        "durability",
        || explored::DecisionNotDurable,
        CALM,
        &more,
    );
}

#[test]
fn lost_one_phase_answer_taken_for_an_abort() {
    let size = Size::new(1, 1, 1, 0);
    breaks_the_same::<bent::OnePhaseLostIsAborted, _>(
        "client_truth",
        || explored::OnePhaseLostIsAborted,
        size,
        &[],
    );
}

#[test]
fn commit_not_retried() {
    breaks_the_same::<bent::CommitNotRetried, _>(
        "no_orphans",
        || explored::CommitNotRetried,
        CALM,
        &[],
    );
}

#[test]
fn recovery_takes_an_error_for_an_end() {
    breaks_the_same::<bent::ErrorIsFinal, _>(
        "safe_forgetting",
        || explored::ErrorIsFinal,
        CALM,
        &[],
    );
}
