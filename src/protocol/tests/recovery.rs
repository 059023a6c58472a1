//! The recovery machine.

use super::branch;
use crate::protocol::*;

fn give(machine: &mut RecoveryMachine, input: RecoveryInput) -> Vec<RecoveryEffect> {
    let mut effects = RecoveryEffects::new();
    machine.handle(input, &mut effects);
    effects.into_iter().collect()
}

fn set(indices: &[u8]) -> BranchSet {
    indices.iter().map(|index| branch(*index)).collect()
}

/// A machine that has asked for the log.
fn reading(found: &[u8]) -> RecoveryMachine {
    let mut machine = RecoveryMachine::new(Ownership::Ours, set(found));
    assert_eq!(give(&mut machine, RecoveryInput::Start), [RecoveryEffect::AskLive]);
    assert_eq!(give(&mut machine, RecoveryInput::Live(false)), [RecoveryEffect::ReadLog]);
    machine
}

#[test]
fn nothing_is_touched_that_is_live_or_foreign_or_unreadable_or_outlived() {
    let mut live = RecoveryMachine::new(Ownership::Ours, set(&[0]));
    give(&mut live, RecoveryInput::Start);
    assert_eq!(give(&mut live, RecoveryInput::Live(true)), [RecoveryEffect::Done]);

    let mut foreign = RecoveryMachine::new(Ownership::Foreign, set(&[0]));
    assert_eq!(give(&mut foreign, RecoveryInput::Start), [RecoveryEffect::Done]);

    let failures = [LogFailure::Fenced, LogFailure::Unreadable].map(Err);
    for answer in failures.into_iter().chain([Ok(LogAnswer::Expired)]) {
        let answer = RecoveryInput::LogRead(answer);
        assert_eq!(give(&mut reading(&[0]), answer), [RecoveryEffect::Done]);
    }
}

#[test]
fn what_the_log_does_not_know_is_rolled_back() {
    let mut machine = reading(&[1, 2]);
    let effects = give(&mut machine, RecoveryInput::LogRead(Ok(LogAnswer::Absent)));
    assert_eq!(effects, [RecoveryEffect::Finish(set(&[1, 2]), Decision::Abort)]);
    assert_eq!(give(&mut machine, RecoveryInput::FinishLost(branch(1))), []);
    let end = give(&mut machine, RecoveryInput::Finished(branch(2), Ending::AsDecided));
    assert_eq!(end, [RecoveryEffect::Done]);
}

#[test]
fn a_decision_is_forgotten_only_when_every_branch_that_it_names_has_finished() {
    let logged = RecoveryInput::LogRead(Ok(LogAnswer::Commit(set(&[0, 1]))));

    let mut machine = reading(&[1]);
    assert_eq!(
        give(&mut machine, logged),
        [RecoveryEffect::Finish(set(&[0, 1]), Decision::Commit)]
    );
    give(&mut machine, RecoveryInput::Finished(branch(0), Ending::AsDecided));
    let end = give(&mut machine, RecoveryInput::Finished(branch(1), Ending::AsDecided));
    assert_eq!(end, [RecoveryEffect::Forget, RecoveryEffect::Done]);

    let mut machine = reading(&[1]);
    give(&mut machine, logged);
    give(&mut machine, RecoveryInput::Finished(branch(1), Ending::AsDecided));
    assert_eq!(give(&mut machine, RecoveryInput::FinishLost(branch(0))), [RecoveryEffect::Done]);
}

#[test]
fn a_branch_that_comes_back_after_its_commit_was_forgotten_is_committed_again() {
    let mut machine = reading(&[0]);
    let effects = give(&mut machine, RecoveryInput::LogRead(Ok(LogAnswer::Finished)));
    assert_eq!(effects, [RecoveryEffect::Finish(set(&[0]), Decision::Commit)]);
    let end = give(&mut machine, RecoveryInput::Finished(branch(0), Ending::AsDecided));
    assert_eq!(end, [RecoveryEffect::Done]);
}

#[test]
fn a_decision_with_an_untold_branch_stays_owed() {
    let logged = RecoveryInput::LogRead(Ok(LogAnswer::Commit(set(&[0, 1]))));
    for order in [[0, 1], [1, 0]] {
        let mut machine = reading(&[]);
        give(&mut machine, logged);
        let ending = |index| if index == 0 { Ending::Untold } else { Ending::Earlier };
        let mut effects = Vec::new();
        for index in order {
            let end = RecoveryInput::Finished(branch(index), ending(index));
            effects.extend(give(&mut machine, end));
        }
        assert_eq!(effects, [RecoveryEffect::Done]);
    }
}
