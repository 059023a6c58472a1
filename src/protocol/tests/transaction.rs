//! The transaction machine.

use super::branch;
use crate::protocol::*;

struct Machine(TransactionMachine);

impl Machine {
    /// With this many branches, and nothing asked yet.
    fn with(branches: u8) -> Self {
        let mut machine = Self(TransactionMachine::new());
        for index in 0..branches {
            assert_eq!(machine.give(Input::Enlisted(branch(index))), []);
        }
        machine
    }

    /// With all branches prepared and the decision on its way.
    fn forcing(branches: u8) -> Self {
        let mut machine = Self::with(branches);
        machine.give(Input::Commit);
        for index in 0..branches {
            machine.give(Input::Voted(branch(index), Ballot::Yes));
        }
        assert_eq!(machine.0.phase(), Phase::Forcing);
        machine
    }

    fn give(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = TransactionEffects::new();
        self.0.handle(input, &mut effects);
        effects.into_iter().collect()
    }
}

fn set(indices: &[u8]) -> BranchSet {
    indices.iter().map(|index| branch(*index)).collect()
}

const DONE: Effect = Effect::Done { untold: false };

/// The decision is made, and these branches are told.
fn telling(branches: &[u8], decision: Decision) -> Vec<Effect> {
    let told = set(branches);
    let finish = (!told.is_empty()).then_some(Effect::Finish(told, decision));
    [Effect::StartTimer(Timer::Acknowledge)].into_iter().chain(finish).collect()
}

/// The same of an abort, which whoever asks by gid may know at once.
fn aborting(branches: &[u8]) -> Vec<Effect> {
    let telling = telling(branches, Decision::Abort);
    [Effect::PresumeAbort].into_iter().chain(telling).collect()
}

fn committed(pending: &[u8]) -> Effect {
    Effect::Answer(Answer::Committed { pending: set(pending), heuristic: BranchSet::EMPTY })
}

fn aborted(cause: Cause) -> Effect {
    Effect::Answer(Answer::Aborted { cause, heuristic: BranchSet::EMPTY })
}

#[test]
fn commits_when_all_vote_yes_and_forgets_when_all_have_finished() {
    let mut machine = Machine::with(2);
    assert_eq!(machine.give(Input::Commit), [Effect::Prepare(set(&[0, 1]))]);
    assert_eq!(machine.give(Input::Voted(branch(1), Ballot::Yes)), []);
    assert_eq!(
        machine.give(Input::Voted(branch(0), Ballot::Yes)),
        [Effect::Force, Effect::StartTimer(Timer::Force)]
    );
    assert_eq!(machine.give(Input::Forced(Ok(()))), telling(&[0, 1], Decision::Commit));
    assert_eq!(machine.give(Input::Finished(branch(0), Ending::AsDecided)), []);
    let end = machine.give(Input::Finished(branch(1), Ending::AsDecided));
    assert_eq!(end, [committed(&[]), Effect::Forget, DONE]);
}

#[test]
fn a_branch_that_could_not_be_told_is_named_and_never_forgotten() {
    let mut machine = Machine::forcing(2);
    machine.give(Input::Forced(Ok(())));
    machine.give(Input::Finished(branch(0), Ending::AsDecided));
    assert_eq!(machine.give(Input::FinishLost(branch(1))), [committed(&[1]), DONE]);
}

#[test]
fn no_answer_is_not_a_yes_and_the_silent_branch_is_told_to_abort() {
    let mut machine = Machine::with(3);
    machine.give(Input::Commit);
    machine.give(Input::Voted(branch(0), Ballot::Yes));
    let effects = machine.give(Input::VoteLost(branch(1)));
    assert_eq!(effects, aborting(&[0, 1]));
    // The third is still preparing: told when its vote comes, so that nothing overtakes it.
    let effects = machine.give(Input::Voted(branch(2), Ballot::Yes));
    assert_eq!(effects, [Effect::Finish(set(&[2]), Decision::Abort)]);
    machine.give(Input::Finished(branch(0), Ending::AsDecided));
    machine.give(Input::FinishLost(branch(1)));
    let end = machine.give(Input::Finished(branch(2), Ending::AsDecided));
    assert_eq!(end, [aborted(Cause::VoteLost(branch(1))), DONE]);
}

#[test]
fn a_no_ends_its_own_branch() {
    let mut machine = Machine::with(2);
    machine.give(Input::Commit);
    assert_eq!(machine.give(Input::Voted(branch(0), Ballot::No)), aborting(&[]));
    let end = machine.give(Input::Voted(branch(1), Ballot::ReadOnly));
    assert_eq!(end, [aborted(Cause::VotedNo(branch(0))), DONE]);
}

#[test]
fn a_no_that_comes_last_leaves_nobody_to_wait_for() {
    let mut machine = Machine::with(2);
    machine.give(Input::Commit);
    machine.give(Input::Voted(branch(1), Ballot::ReadOnly));
    let end = machine.give(Input::Voted(branch(0), Ballot::No));
    assert_eq!(end, [Effect::PresumeAbort, aborted(Cause::VotedNo(branch(0))), DONE]);
}

#[test]
fn a_refused_commit_prepares_nothing_and_says_why() {
    for obstacle in [Obstacle::Fenced, Obstacle::LogBroken, Obstacle::Incomplete] {
        let mut machine = Machine::with(2);
        assert_eq!(machine.give(Input::CommitRefused(obstacle)), aborting(&[0, 1]));
        assert_eq!(machine.give(Input::Commit), []);
        machine.give(Input::Finished(branch(0), Ending::AsDecided));
        let end = machine.give(Input::Finished(branch(1), Ending::AsDecided));
        assert_eq!(end, [aborted(Cause::Refused(obstacle)), DONE]);
    }
}

#[test]
fn only_a_transaction_of_several_branches_needs_the_log() {
    assert_eq!(
        [0, 1, 2].map(|branches| Machine::with(branches).0.needs_log()),
        [false, false, true]
    );
}

#[test]
fn read_only_branches_drop_out_and_need_no_decision() {
    let mut machine = Machine::with(2);
    machine.give(Input::Commit);
    machine.give(Input::Voted(branch(0), Ballot::ReadOnly));
    assert_eq!(
        machine.give(Input::Voted(branch(1), Ballot::ReadOnly)),
        [committed(&[]), Effect::Forget, DONE]
    );

    let mut machine = Machine::with(2);
    machine.give(Input::Commit);
    machine.give(Input::Voted(branch(0), Ballot::ReadOnly));
    machine.give(Input::Voted(branch(1), Ballot::Yes));
    assert_eq!(machine.give(Input::Forced(Ok(()))), telling(&[1], Decision::Commit));
    let end = machine.give(Input::Finished(branch(1), Ending::AsDecided));
    assert_eq!(end, [committed(&[]), Effect::Forget, DONE]);
}

#[test]
fn a_failed_force_is_unknown_until_the_log_is_read() {
    let failed = Input::Forced(Err(ForceFailure::Unknown));

    let mut machine = Machine::forcing(2);
    assert_eq!(machine.give(failed), [Effect::ReadLog]);
    let found = Input::LogRead(Ok(InLog::Decision));
    assert_eq!(machine.give(found), telling(&[0, 1], Decision::Commit));

    let mut machine = Machine::forcing(2);
    machine.give(failed);
    assert_eq!(machine.give(Input::LogRead(Ok(InLog::Nothing))), aborting(&[0, 1]));

    let mut machine = Machine::forcing(2);
    machine.give(failed);
    let unreadable = Input::LogRead(Err(LogFailure::Unreadable));
    assert_eq!(machine.give(unreadable), [Effect::Answer(Answer::InDoubt), Effect::RetryLater]);
    assert_eq!(machine.give(Input::Retry), [Effect::ReadLog]);
    assert_eq!(machine.give(unreadable), [Effect::RetryLater]);
}

#[test]
fn a_fenced_coordinator_tells_nobody_anything() {
    let mut machine = Machine::forcing(2);
    let effects = machine.give(Input::Forced(Err(ForceFailure::Fenced)));
    assert_eq!(effects, [Effect::Answer(Answer::InDoubt), DONE]);

    for answer in [Ok(InLog::Expired), Err(LogFailure::Fenced)] {
        let mut machine = Machine::forcing(2);
        machine.give(Input::Forced(Err(ForceFailure::Unknown)));
        let effects = machine.give(Input::LogRead(answer));
        assert_eq!(effects, [Effect::Answer(Answer::InDoubt), DONE]);
    }
}

#[test]
fn the_client_is_answered_once_however_late_the_rest_is() {
    let mut machine = Machine::forcing(2);
    assert_eq!(machine.give(Input::Overdue(Timer::Force)), [Effect::Answer(Answer::InDoubt)]);
    machine.give(Input::Forced(Ok(())));
    assert_eq!(machine.give(Input::Overdue(Timer::Acknowledge)), []);
    machine.give(Input::Finished(branch(0), Ending::AsDecided));
    assert_eq!(machine.give(Input::Finished(branch(1), Ending::AsDecided)), [Effect::Forget, DONE]);
}

#[test]
fn a_timer_of_another_wait_is_over_for_nobody() {
    let mut machine = Machine::forcing(2);
    assert_eq!(machine.give(Input::Overdue(Timer::Acknowledge)), []);
    machine.give(Input::Forced(Ok(())));
    assert_eq!(machine.give(Input::Overdue(Timer::Force)), []);
    assert_eq!(machine.give(Input::Overdue(Timer::Acknowledge)), [committed(&[0, 1])]);
}

#[test]
fn one_branch_commits_in_one_phase_and_a_lost_answer_is_in_doubt() {
    let mut machine = Machine::with(1);
    assert_eq!(machine.give(Input::Commit), [Effect::CommitOnePhase(branch(0))]);
    let unknown = Input::OnePhased(OnePhase::Unknown);
    assert_eq!(
        machine.give(unknown),
        [Effect::StartTimer(Timer::Acknowledge), Effect::Inquire(branch(0))]
    );
    assert_eq!(machine.give(unknown), [Effect::RetryLater]);
    let overdue = Input::Overdue(Timer::Acknowledge);
    assert_eq!(machine.give(overdue), [Effect::Answer(Answer::InDoubt)]);
    assert_eq!(machine.give(Input::Retry), [Effect::Inquire(branch(0))]);
    assert_eq!(machine.give(Input::OnePhased(OnePhase::Committed)), [Effect::Forget, DONE]);
}

#[test]
fn a_lost_one_phase_answer_is_asked_for_before_the_client_is_told_that_it_is_in_doubt() {
    let mut machine = Machine::with(1);
    machine.give(Input::Commit);
    machine.give(Input::OnePhased(OnePhase::Unknown));
    assert_eq!(
        machine.give(Input::OnePhased(OnePhase::Committed)),
        [committed(&[]), Effect::Forget, DONE]
    );
}

#[test]
fn a_one_phase_commit_that_nobody_can_tell_of_stays_in_doubt() {
    let mut machine = Machine::with(1);
    machine.give(Input::Commit);
    machine.give(Input::OnePhased(OnePhase::Unknown));
    assert_eq!(
        machine.give(Input::OnePhased(OnePhase::Untold)),
        [Effect::Answer(Answer::InDoubt), Effect::Done { untold: true }]
    );
}

#[test]
fn a_decision_with_an_untold_branch_stays_owed() {
    for order in [[0, 1], [1, 0]] {
        let mut machine = Machine::forcing(2);
        machine.give(Input::Forced(Ok(())));
        let ending = |index| if index == 0 { Ending::Untold } else { Ending::AsDecided };
        machine.give(Input::Finished(branch(order[0]), ending(order[0])));
        let end = machine.give(Input::Finished(branch(order[1]), ending(order[1])));
        let answer = Answer::Committed { pending: BranchSet::EMPTY, heuristic: set(&[0]) };
        assert_eq!(end, [Effect::Answer(answer), DONE]);
    }
}

#[test]
fn a_heuristic_ending_is_reported_with_the_answer() {
    let mut machine = Machine::forcing(2);
    machine.give(Input::Forced(Ok(())));
    machine.give(Input::Finished(branch(0), Ending::Heuristic));
    let end = machine.give(Input::Finished(branch(1), Ending::AsDecided));
    let answer = Answer::Committed { pending: BranchSet::EMPTY, heuristic: set(&[0]) };
    assert_eq!(end, [Effect::Answer(answer), Effect::Forget, DONE]);
}

#[test]
fn stale_inputs_do_nothing() {
    let mut machine = Machine::with(2);
    machine.give(Input::Commit);
    machine.give(Input::Voted(branch(0), Ballot::No));
    let before = machine.0.clone();
    for stale in [
        Input::Commit,
        Input::CommitRefused(Obstacle::Fenced),
        Input::Rollback,
        Input::Voted(branch(0), Ballot::Yes),
        Input::VoteLost(branch(0)),
        Input::Forced(Ok(())),
        Input::LogRead(Ok(InLog::Decision)),
        Input::Overdue(Timer::Force),
        Input::Retry,
        Input::OnePhased(OnePhase::Committed),
    ] {
        assert_eq!(machine.give(stale), [], "{stale:?}");
        assert_eq!(machine.0, before, "{stale:?}");
    }
}
