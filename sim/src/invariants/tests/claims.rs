//! Each claim bites: what breaks it, it alone, and by whom; beside that a neighbour that holds.

use super::super::known::{Answered, Claimed, Decided, Known, Outcomes};
use super::super::{Breach, Invariant, claims};

const BOTH: u64 = 0b11;
const FIRST: u64 = 0b01;
const SECOND: u64 = 0b10;

fn broken(known: &Known) -> Vec<(Invariant, Breach)> {
    let mut all = Vec::new();
    claims::judge(known, |invariant, breach| all.push((invariant, breach)));
    all
}

#[track_caller]
fn breaks(known: Known, invariant: Invariant, breach: Breach) {
    assert_eq!(broken(&known), [(invariant, breach)], "{known:?}");
}

#[track_caller]
fn holds(known: Known) {
    assert_eq!(broken(&known), [], "{known:?}");
}

fn with(mut known: Known, change: impl FnOnce(&mut Known)) -> Known {
    change(&mut known);
    known
}

fn ended(mut known: Known, change: impl FnOnce(&mut Outcomes)) -> Known {
    change(&mut known.outcomes);
    known
}

/// Two branches, at work.
fn begun() -> Known {
    Known { enlisted: BOTH, ..Known::default() }
}

/// Two branches have voted yes, and it is decided to commit.
fn decided() -> Known {
    let decision = Decided { durable: true, ..Decided::default() };
    Known { yes: BOTH, decision, ..begun() }
}

/// One of them has committed.
fn half() -> Known {
    ended(decided(), |o| o.committed = FIRST)
}

/// One of them has committed, and an operator has rolled the other one back.
fn overruled() -> Known {
    ended(half(), |o| o.operator_rolled_back = SECOND)
}

/// It has committed everywhere, the client knows, and the log has let go of it.
fn finished() -> Known {
    let told = Claimed { committed: true, ..Claimed::default() };
    let decision = Decided { forgotten: true, ..decided().decision };
    Known { told, decision, at_rest: true, ..ended(decided(), |o| o.committed = BOTH) }
}

/// Its only branch has committed in one phase.
fn alone() -> Known {
    let outcomes = Outcomes { one_phase: FIRST, ..Outcomes::default() };
    Known { enlisted: FIRST, outcomes, ..Known::default() }
}

/// One branch voted no and the other has been rolled back.
fn aborted() -> Known {
    let outcomes = Outcomes { rolled_back: FIRST, gone: SECOND, ..Outcomes::default() };
    let told = Claimed { aborted: true, ..Claimed::default() };
    Known { yes: FIRST, outcomes, told, at_rest: true, ..begun() }
}

fn answered(known: Known, pending: u64, heuristic: u64) -> Known {
    let told = Claimed { committed: true, ..Claimed::default() };
    Known { told, answer: Some(Answered { committed: true, pending, heuristic }), ..known }
}

fn refused(known: Known) -> Known {
    let answer = Answered { committed: false, pending: 0, heuristic: 0 };
    Known { answer: Some(answer), ..known }
}

#[test]
fn what_is_as_it_should_be_holds() {
    for known in [begun(), decided(), half(), finished(), alone(), aborted()] {
        holds(known);
    }
    holds(ended(begun(), |o| o.read_only = BOTH));
}

#[test]
fn agreement() {
    let split = |committed, at| Breach::Split { committed, at };
    let rolled_back = |known| ended(known, |o| o.rolled_back = SECOND);
    breaks(rolled_back(decided()), Invariant::Agreement, split(0, SECOND));
    breaks(rolled_back(half()), Invariant::Agreement, split(FIRST, SECOND));
    breaks(ended(half(), |o| o.gone = SECOND), Invariant::Agreement, split(FIRST, SECOND));
    breaks(with(half(), |k| k.at_rest = true), Invariant::Agreement, split(FIRST, SECOND));
    holds(with(ended(half(), |o| o.read_only = SECOND), |k| k.at_rest = true));
    holds(with(ended(half(), |o| o.operator_committed = SECOND), |k| k.at_rest = true));
}

#[test]
fn stability() {
    let undecided = with(half(), |k| k.decision.durable = false);
    assert_eq!(claims::stability(&decided(), &half()), Ok(()));
    assert_eq!(claims::stability(&half(), &finished()), Ok(()));
    assert_eq!(claims::stability(&half(), &undecided), Err(Breach::DecisionGone));
    let reversed = ended(half(), |o| (o.committed, o.rolled_back) = (0, FIRST));
    let both = ended(half(), |o| o.rolled_back = FIRST);
    let vanished = ended(half(), |o| o.committed = 0);
    for changed in [reversed, both, vanished] {
        let breach = Breach::OutcomeChanged { at: FIRST };
        assert_eq!(claims::stability(&half(), &changed), Err(breach), "{changed:?}");
    }
}

#[test]
fn validity() {
    let one_yes = with(decided(), |k| k.yes = FIRST);
    breaks(one_yes, Invariant::Validity, Breach::WithoutYes { at: SECOND });
    holds(ended(one_yes, |o| o.read_only = SECOND));
    holds(with(one_yes, |k| k.decision.durable = false));
}

#[test]
fn non_triviality() {
    let calm = with(begun(), |k| k.undisturbed = true);
    let unanswered = with(calm, |k| k.left.unanswered = true);
    breaks(refused(calm), Invariant::NonTriviality, Breach::NotCommitted);
    breaks(unanswered, Invariant::NonTriviality, Breach::NotCommitted);
    holds(calm);
    holds(refused(begun()));
    holds(answered(with(finished(), |k| k.undisturbed = true), 0, 0));
}

#[test]
fn decision_before_effect() {
    let early = with(half(), |k| k.decision.durable = false);
    breaks(early, Invariant::DecisionBeforeEffect, Breach::BeforeDecision { at: FIRST });
    holds(half());
    holds(alone());
}

#[test]
fn client_truth_of_a_commit() {
    let told = |known| with(known, |k| k.told.committed = true);
    let undecided = told(with(decided(), |k| k.decision.durable = false));
    let early = Breach::ToldCommittedUndecided { at: BOTH };
    breaks(undecided, Invariant::ClientTruth, early);
    holds(told(decided()));
    holds(told(alone()));
    let unsaid = Breach::PendingUnsaid { at: SECOND };
    breaks(answered(half(), 0, 0), Invariant::ClientTruth, unsaid);
    holds(answered(half(), SECOND, 0));
}

#[test]
fn client_truth_of_an_abort() {
    let told = |known| with(known, |k| k.told.aborted = true);
    let presumed = |known| with(known, |k| k.told.presumed_aborted = true);
    breaks(told(decided()), Invariant::ClientTruth, Breach::ToldAbortedDecided);
    let undecided = with(decided(), |k| k.decision.durable = false);
    let on_its_way = with(undecided, |k| k.decision.may_come = true);
    breaks(presumed(on_its_way), Invariant::ClientTruth, Breach::ToldAbortedDecided);
    holds(presumed(undecided));
    breaks(told(alone()), Invariant::ClientTruth, Breach::ToldAbortedDone { at: FIRST });
    holds(presumed(alone()));
    let only_read = ended(begun(), |o| o.read_only = BOTH);
    let told_both = with(only_read, |k| (k.told.committed, k.told.aborted) = (true, true));
    breaks(told_both, Invariant::ClientTruth, Breach::ToldBoth);
    holds(presumed(with(only_read, |k| k.told.committed = true)));
    let in_doubt = with(aborted(), |k| k.left.in_doubt = true);
    breaks(in_doubt, Invariant::ClientTruth, Breach::StillInDoubt);
}

/// A client that was told of half a commit was told a lie, beside the commit being half.
#[test]
fn a_half_commit_that_was_told_breaks_two_claims() {
    let half = ended(finished(), |o| (o.committed, o.rolled_back) = (FIRST, SECOND));
    let (committed, at) = (FIRST, SECOND);
    let two = [
        (Invariant::Agreement, Breach::Split { committed, at }),
        (Invariant::ClientTruth, Breach::ToldCommittedNotDone { at }),
    ];
    assert_eq!(broken(&half), two);
    assert_eq!(broken(&with(half, |k| k.told.committed = false)), two[..1]);
}

#[test]
fn safe_forgetting() {
    let forgotten = |known| with(known, |k| k.decision.forgotten = true);
    let breach = Breach::ForgottenEarly { at: SECOND };
    breaks(forgotten(half()), Invariant::SafeForgetting, breach);
    holds(forgotten(overruled()));
    holds(forgotten(alone()));
}

#[test]
fn heuristics_reported() {
    let reported = |known| with(known, |k| k.reported = SECOND);
    let at = SECOND;
    breaks(reported(half()), Invariant::HeuristicsReported, Breach::FalseAlarm { at });
    holds(reported(overruled()));
    let unsaid = answered(reported(overruled()), 0, 0);
    breaks(unsaid, Invariant::HeuristicsReported, Breach::HeuristicUnsaid { at });
    holds(answered(reported(overruled()), 0, SECOND));
    holds(answered(reported(overruled()), SECOND, 0));
    let swallowed = with(overruled(), |k| k.at_rest = true);
    breaks(swallowed, Invariant::HeuristicsReported, Breach::HeuristicSwallowed { at });
    holds(reported(swallowed));
    holds(overruled());
}

#[test]
fn no_orphans() {
    let prepared = with(aborted(), |k| k.left.branches = FIRST);
    breaks(prepared, Invariant::NoOrphans, Breach::StillThere { at: FIRST });
    let owed = with(finished(), |k| k.left.owed = true);
    breaks(owed, Invariant::NoOrphans, Breach::StillOwed);
    holds(finished());
}
