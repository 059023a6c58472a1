//! The two shipped machines, put into tables: their alphabets, and what renaming does to them.

use indoubt::protocol::{
    Answer, Ballot, BranchId, BranchSet, Cause, Effect, Ending, ForceFailure, InLog, Input,
    LogAnswer, LogFailure, Obstacle, OnePhase, Ownership, Phase, RecoveryEffect, RecoveryEffects,
    RecoveryInput, RecoveryMachine, Timer, TransactionEffects, TransactionMachine,
};

use super::automaton::Tabulate;
use super::rules::Rules;

/// The branch at a participant: they have the same number.
pub(super) fn branch(participant: usize) -> BranchId {
    // Below `MAX_PARTICIPANTS`, which is below the machine's own limit.
    u8::try_from(participant).ok().and_then(BranchId::new).unwrap_or_else(first)
}

const fn first() -> BranchId {
    match BranchId::new(0) {
        Some(branch) => branch,
        None => panic!("branch 0 exists"),
    }
}

/// A set of branches from its bits.
pub(super) fn set(bits: u8) -> BranchSet {
    (0..8).filter(|p| bits & 1 << p != 0).map(branch).collect()
}

/// The bits of a set of branches.
pub(super) fn bits(set: BranchSet) -> u8 {
    set.iter().fold(0, |bits, branch| bits | 1 << branch.index())
}

fn renamed(id: BranchId, names: &[u8]) -> BranchId {
    branch(usize::from(names[usize::from(id.index())]))
}

fn renamed_set(set: BranchSet, names: &[u8]) -> BranchSet {
    set.iter().map(|id| renamed(id, names)).collect()
}

const BALLOTS: [Ballot; 3] = [Ballot::Yes, Ballot::ReadOnly, Ballot::No];
/// To the machines, to have ended as decided before is the same as to end now.
const ENDINGS: [Ending; 3] = [Ending::AsDecided, Ending::Heuristic, Ending::Untold];
const OBSTACLES: [Obstacle; 3] = [Obstacle::Fenced, Obstacle::LogBroken, Obstacle::Incomplete];
const FAILURES: [LogFailure; 2] = [LogFailure::Fenced, LogFailure::Unreadable];

/// Transaction machines.
pub(super) struct Transactions;

impl Tabulate for Transactions {
    const NAME: &'static str = "transaction";

    type State = TransactionMachine;
    type Input = Input;
    /// With the branches that the decision names, if it is to be forced.
    type Effects = (TransactionEffects, BranchSet);
    type Seen = Phase;

    fn seen(state: &TransactionMachine) -> Phase {
        state.phase()
    }

    fn alphabet(branches: usize) -> Vec<Input> {
        let mut all = vec![
            Input::Commit,
            Input::Rollback,
            Input::Overdue(Timer::Force),
            Input::Overdue(Timer::Acknowledge),
            Input::Retry,
            Input::Forced(Ok(())),
            Input::Forced(Err(ForceFailure::Fenced)),
            Input::Forced(Err(ForceFailure::Unknown)),
            Input::LogRead(Ok(InLog::Decision)),
            Input::LogRead(Ok(InLog::Nothing)),
        ];
        all.extend(FAILURES.map(|failure| Input::LogRead(Err(failure))));
        let ends = [OnePhase::Committed, OnePhase::RolledBack, OnePhase::Unknown, OnePhase::Untold];
        all.extend(ends.map(Input::OnePhased));
        all.extend(OBSTACLES.map(Input::CommitRefused));
        all.push(Input::LogRead(Ok(InLog::Expired)));
        for id in (0..branches).map(branch) {
            all.extend(BALLOTS.map(|ballot| Input::Voted(id, ballot)));
            all.extend(ENDINGS.map(|ending| Input::Finished(id, ending)));
            all.extend([Input::VoteLost(id), Input::FinishLost(id)]);
        }
        all
    }

    fn handle(rules: &impl Rules, state: &mut TransactionMachine, input: Input) -> Self::Effects {
        let mut effects = TransactionEffects::new();
        rules.transaction(state, input, &mut effects);
        effects.iter_mut().for_each(|effect| {
            if let Effect::Answer(answer) = effect {
                *answer = essence(*answer);
            }
        });
        let forces = effects.contains(&Effect::Force);
        (effects, if forces { state.prepared() } else { BranchSet::EMPTY })
    }

    fn rename_input(input: Input, names: &[u8]) -> Input {
        match input {
            Input::Enlisted(id) => Input::Enlisted(renamed(id, names)),
            Input::Voted(id, ballot) => Input::Voted(renamed(id, names), ballot),
            Input::VoteLost(id) => Input::VoteLost(renamed(id, names)),
            Input::Finished(id, ending) => Input::Finished(renamed(id, names), ending),
            Input::FinishLost(id) => Input::FinishLost(renamed(id, names)),
            Input::Commit
            | Input::CommitRefused(_)
            | Input::Rollback
            | Input::Forced(_)
            | Input::LogRead(_)
            | Input::OnePhased(_)
            | Input::Overdue(_)
            | Input::Retry => input,
        }
    }

    fn rename_effects((effects, forced): &Self::Effects, names: &[u8]) -> Self::Effects {
        let rename = |effect: &Effect| match *effect {
            Effect::Prepare(set) => Effect::Prepare(renamed_set(set, names)),
            Effect::CommitOnePhase(id) => Effect::CommitOnePhase(renamed(id, names)),
            Effect::Inquire(id) => Effect::Inquire(renamed(id, names)),
            Effect::Finish(set, decision) => Effect::Finish(renamed_set(set, names), decision),
            Effect::Answer(answer) => Effect::Answer(renamed_answer(answer, names)),
            Effect::Force
            | Effect::ReadLog
            | Effect::Forget
            | Effect::StartTimer(_)
            | Effect::RetryLater
            | Effect::PresumeAbort
            | Effect::Done { .. } => *effect,
        };
        (effects.iter().map(rename).collect(), renamed_set(*forced, names))
    }
}

/// An answer without what only explains it.
const fn essence(answer: Answer) -> Answer {
    match answer {
        Answer::Aborted { heuristic, .. } => Answer::Aborted { cause: Cause::Requested, heuristic },
        Answer::Committed { .. } | Answer::InDoubt => answer,
    }
}

fn renamed_answer(answer: Answer, names: &[u8]) -> Answer {
    match answer {
        Answer::Committed { pending, heuristic } => Answer::Committed {
            pending: renamed_set(pending, names),
            heuristic: renamed_set(heuristic, names),
        },
        Answer::Aborted { cause, heuristic } => {
            // A cause that names a branch is not of the essence.
            Answer::Aborted { cause, heuristic: renamed_set(heuristic, names) }
        }
        Answer::InDoubt => Answer::InDoubt,
    }
}

/// The place of an ending among those of the alphabets.
const fn number(ending: Ending) -> usize {
    match ending {
        Ending::AsDecided | Ending::Earlier => 0,
        Ending::Heuristic => 1,
        Ending::Untold => 2,
    }
}

/// The place of an input in the alphabet of transaction machines.
pub(super) fn transaction_input(input: Input) -> usize {
    let of = |id: BranchId| 20 + 8 * usize::from(id.index());
    match input {
        Input::Commit | Input::Enlisted(_) => 0,
        Input::Rollback => 1,
        Input::Overdue(Timer::Force) => 2,
        Input::Overdue(Timer::Acknowledge) => 3,
        Input::Retry => 4,
        Input::Forced(Ok(())) => 5,
        Input::Forced(Err(ForceFailure::Fenced)) => 6,
        Input::Forced(Err(ForceFailure::Unknown)) => 7,
        Input::LogRead(Ok(InLog::Decision)) => 8,
        Input::LogRead(Ok(InLog::Nothing)) => 9,
        Input::LogRead(Err(LogFailure::Fenced)) => 10,
        Input::LogRead(Err(LogFailure::Unreadable)) => 11,
        Input::OnePhased(end) => 12 + end as usize,
        Input::CommitRefused(obstacle) => 16 + obstacle as usize,
        Input::LogRead(Ok(InLog::Expired)) => 19,
        Input::Voted(id, ballot) => of(id) + ballot as usize,
        Input::Finished(id, ending) => of(id) + 3 + number(ending),
        Input::VoteLost(id) => of(id) + 6,
        Input::FinishLost(id) => of(id) + 7,
    }
}

/// The place of an input in the alphabet of recovery machines.
pub(super) fn recovery_input(input: RecoveryInput, branches: usize) -> usize {
    let of = |id: BranchId| 8 + (1 << branches) + 4 * usize::from(id.index());
    match input {
        RecoveryInput::Start => 0,
        RecoveryInput::Live(true) => 1,
        RecoveryInput::Live(false) => 2,
        RecoveryInput::LogRead(Err(LogFailure::Fenced)) => 3,
        RecoveryInput::LogRead(Err(LogFailure::Unreadable)) => 4,
        RecoveryInput::LogRead(Ok(LogAnswer::Absent)) => 5,
        RecoveryInput::LogRead(Ok(LogAnswer::Finished)) => 6,
        RecoveryInput::LogRead(Ok(LogAnswer::Expired)) => 7,
        RecoveryInput::LogRead(Ok(LogAnswer::Commit(named))) => 8 + usize::from(bits(named)),
        RecoveryInput::Finished(id, ending) => of(id) + number(ending),
        RecoveryInput::FinishLost(id) => of(id) + 3,
    }
}

/// A transaction with this many branches.
pub(super) fn enlisted(rules: &impl Rules, branches: usize) -> TransactionMachine {
    let mut machine = TransactionMachine::new();
    for id in (0..branches).map(branch) {
        rules.transaction(&mut machine, Input::Enlisted(id), &mut TransactionEffects::new());
    }
    machine
}

/// Recovery machines.
pub(super) struct Recoveries;

impl Tabulate for Recoveries {
    const NAME: &'static str = "recovery";

    type State = RecoveryMachine;
    type Input = RecoveryInput;
    type Effects = RecoveryEffects;
    type Seen = ();

    fn seen(_: &RecoveryMachine) {}

    fn alphabet(branches: usize) -> Vec<RecoveryInput> {
        let mut all =
            vec![RecoveryInput::Start, RecoveryInput::Live(true), RecoveryInput::Live(false)];
        all.extend(FAILURES.map(|failure| RecoveryInput::LogRead(Err(failure))));
        let answers = [LogAnswer::Absent, LogAnswer::Finished, LogAnswer::Expired].into_iter();
        let commits = (0..1u8 << branches).map(|named| LogAnswer::Commit(set(named)));
        all.extend(answers.chain(commits).map(|answer| RecoveryInput::LogRead(Ok(answer))));
        for id in (0..branches).map(branch) {
            all.extend(ENDINGS.map(|ending| RecoveryInput::Finished(id, ending)));
            all.push(RecoveryInput::FinishLost(id));
        }
        all
    }

    fn handle(
        rules: &impl Rules,
        state: &mut RecoveryMachine,
        input: RecoveryInput,
    ) -> RecoveryEffects {
        let mut effects = RecoveryEffects::new();
        rules.recovery(state, input, &mut effects);
        effects
    }

    fn rename_input(input: RecoveryInput, names: &[u8]) -> RecoveryInput {
        match input {
            RecoveryInput::Finished(id, ending) => {
                RecoveryInput::Finished(renamed(id, names), ending)
            }
            RecoveryInput::FinishLost(id) => RecoveryInput::FinishLost(renamed(id, names)),
            RecoveryInput::LogRead(Ok(LogAnswer::Commit(owed))) => {
                RecoveryInput::LogRead(Ok(LogAnswer::Commit(renamed_set(owed, names))))
            }
            RecoveryInput::Start
            | RecoveryInput::Live(_)
            | RecoveryInput::LogRead(
                Ok(LogAnswer::Absent | LogAnswer::Finished | LogAnswer::Expired) | Err(_),
            ) => input,
        }
    }

    fn rename_effects(effects: &RecoveryEffects, names: &[u8]) -> RecoveryEffects {
        let rename = |effect: &RecoveryEffect| match *effect {
            RecoveryEffect::Finish(set, decision) => {
                RecoveryEffect::Finish(renamed_set(set, names), decision)
            }
            RecoveryEffect::AskLive
            | RecoveryEffect::ReadLog
            | RecoveryEffect::Forget
            | RecoveryEffect::Done => *effect,
        };
        effects.iter().map(rename).collect()
    }
}

/// Every recovery machine as it starts: for each owner, for each set found.
pub(super) fn found(branches: usize) -> Vec<RecoveryMachine> {
    let owners = [Ownership::Ours, Ownership::Foreign];
    let sets = 0..1u8 << branches;
    owners
        .into_iter()
        .flat_map(|whose| sets.clone().map(move |bits| RecoveryMachine::new(whose, set(bits))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_an_input_is_its_place_in_the_alphabet() {
        for branches in 1..=3 {
            for (place, input) in Transactions::alphabet(branches).iter().enumerate() {
                assert_eq!(transaction_input(*input), place, "{input:?}");
            }
            for (place, input) in Recoveries::alphabet(branches).iter().enumerate() {
                assert_eq!(recovery_input(*input, branches), place, "{input:?}");
            }
        }
    }
}
