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
use indoubt_sim::explore::{Action, End, Limits, Reduction, Rules, Size, Story, System, search};
use indoubt_sim::scenario::Scenario;
use indoubt_sim::world::{Carried, Seams, run_beside};

use super::bent::{self, Bent};
use super::{explored, planted};

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
fn breaks<R: Rules, S: Seams>(
    named: &str,
    rules: impl Fn() -> R,
    size: Size,
    seams: &S,
    more: &[Action],
) -> Story {
    let story = shortest(rules(), size);
    let mut longer = story.clone();
    longer.actions.extend(more);
    longer.size.faults += more.iter().map(|action| action.cost()).sum::<u8>();
    println!("{longer}");
    let shown = (0..SEEDS).any(|seed| {
        let run = run_beside(&Scenario::ordered(&longer, seed), seams.clone(), rules());
        println!("{}\n{:?}\n{:#?}", run.history, run.carried, run.violations);
        run.carried == Some(Carried::Through)
            && run.violations.iter().any(|violation| violation.invariant.name() == named)
    });
    assert!(shown, "{named} is not broken by any of {SEEDS} seeds");
    story
}

fn breaks_the_same<R: Rules, S: Seams>(
    named: &str,
    rules: impl Fn() -> R,
    size: Size,
    seams: &S,
    more: &[Action],
) {
    let story = breaks(named, rules, size, seams, more);
    assert_eq!(story.broken.as_deref(), Some(named));
}

const CALM: Size = Size::new(1, 2, 1, 0);
const FAULT: Size = Size::new(1, 2, 1, 1);
const CRASH: Action = Action::Crash { c: 0 };

#[test]
fn commit_before_force() {
    let seams = planted::bent::<planted::CommitBeforeForce>();
    breaks_the_same("client_truth", || explored::CommitBeforeForce, CALM, &seams, &[CRASH]);
}

#[test]
fn forget_before_all_acknowledgements() {
    let seams = planted::bent::<planted::ForgottenEarly>();
    breaks_the_same("safe_forgetting", || explored::ForgottenEarly, CALM, &seams, &[]);
}

#[test]
fn not_found_taken_for_committed() {
    let seams = Bent(bent::NotFoundIsCommitted);
    let rules = || explored::NotFoundIsCommitted;
    breaks_the_same("heuristics_reported", rules, FAULT, &seams, &[]);
}

/// To the explorer the decision counts as a commit. To a history only a branch does, and in this
/// story the only other one has read; but the client was told.
#[test]
fn unreadable_log_taken_for_empty() {
    let seams = Bent(bent::UnreadableIsEmpty);
    let story = breaks("client_truth", || explored::UnreadableIsEmpty, CALM, &seams, &[]);
    assert_eq!(story.broken.as_deref(), Some("agreement"));
}

#[test]
fn timeout_taken_for_a_yes() {
    let seams = Bent(bent::TimeoutTakenAsYes);
    breaks_the_same("validity", || explored::TimeoutTakenAsYes, CALM, &seams, &[]);
}

#[test]
fn rolled_back_prepare_taken_for_a_yes() {
    let seams = Bent(bent::RollbackTakenAsYes);
    breaks_the_same("validity", || explored::RollbackTakenAsYes, CALM, &seams, &[]);
}

#[test]
fn failed_force_taken_for_an_abort() {
    let rules = || explored::FailedForceAborts(ForceFailure::Unknown);
    let seams = Bent(bent::FailedForceAborts { fenced: false });
    breaks_the_same("client_truth", rules, FAULT, &seams, &[Action::Land { t: 0 }]);
}

#[test]
fn fenced_force_taken_for_an_abort() {
    let rules = || explored::FailedForceAborts(ForceFailure::Fenced);
    let seams = Bent(bent::FailedForceAborts { fenced: true });
    breaks_the_same("client_truth", rules, Size { coordinators: 2, ..CALM }, &seams, &[]);
}

/// The explorer sees a decision over a branch that is gone. The history has its vote, as the
/// server believed it; what it shows is that the participant cannot say how the branch ended,
/// though it never lost its evidence.
#[test]
fn prepare_not_durable() {
    let rules = || explored::PrepareNotDurable;
    let story = breaks("heuristics_reported", rules, FAULT, &planted::PrepareNeverSynced, &[]);
    assert_eq!(story.broken.as_deref(), Some("validity"));
}

#[test]
fn decision_acknowledged_before_it_is_durable() {
    let more = [CRASH, Action::Open { c: 0 }];
    let seams = planted::DecisionNeverSynced;
    breaks_the_same("durability", || explored::DecisionNotDurable, CALM, &seams, &more);
}

#[test]
fn lost_one_phase_answer_taken_for_an_abort() {
    let size = Size::new(1, 1, 1, 0);
    let seams = Bent(bent::OnePhaseLostIsAborted);
    breaks_the_same("client_truth", || explored::OnePhaseLostIsAborted, size, &seams, &[]);
}

#[test]
fn commit_not_retried() {
    let seams = Bent(bent::CommitNotRetried);
    breaks_the_same("no_orphans", || explored::CommitNotRetried, CALM, &seams, &[]);
}

#[test]
fn recovery_takes_an_error_for_an_end() {
    let seams = Bent(bent::ErrorIsFinal);
    breaks_the_same("safe_forgetting", || explored::ErrorIsFinal, CALM, &seams, &[]);
}
