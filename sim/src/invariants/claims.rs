//! The claims on one transaction, each defined once, for both judges.
//!
//! D is the transaction's durable decision, o its outcome at a participant, C and A are commit
//! and abort. A claim is asked at every moment: after every step of the explorer and after
//! every event of a history. The few that are about the end say so.

use super::breach::{Breach, Judged};
use super::invariant::Invariant;
use super::known::Known;

/// Asks every claim on one transaction, and tells which are broken. The earliest cause comes
/// first, so that the first one names what went wrong.
#[expect(clippy::inline_always, reason = "measured: the explorer asks at every step")]
#[inline(always)]
pub fn judge(known: &Known, mut broken: impl FnMut(Invariant, Breach)) {
    let mut ask = |invariant, verdict: Judged| {
        if let Err(breach) = verdict {
            broken(invariant, breach);
        }
    };
    ask(Invariant::DecisionBeforeEffect, decision_before_effect(known));
    ask(Invariant::SafeForgetting, safe_forgetting(known));
    ask(Invariant::NonTriviality, non_triviality(known));
    ask(Invariant::NoOrphans, no_orphans(known));
    ask(Invariant::Validity, validity(known));
    ask(Invariant::Agreement, agreement(known));
    ask(Invariant::ClientTruth, client_truth(known));
    ask(Invariant::HeuristicsReported, heuristics_reported(known));
}

#[inline]
const fn never(broken: bool, breach: Breach) -> Judged {
    if broken { Err(breach) } else { Ok(()) }
}

/// Never o(p) = C and o(q) = A, crashed and recovered participants included (AC1 of Bernstein,
/// Hadzilacos and Goodman, "Concurrency Control and Recovery in Database Systems", 7.3).
///
/// D = C counts as a commit. At rest, what has not committed never will. Exempt are branches
/// that only read, which have no outcome, and those that an operator ended.
#[inline]
pub const fn agreement(known: &Known) -> Judged {
    let at = known.not_committed();
    let committed = known.outcomes.commits();
    never(known.is_committed() && at != 0, Breach::Split { committed, at })
}

/// D and o never change once set (AC2), from one moment to the next.
#[inline]
pub fn stability(before: &Known, after: &Known) -> Judged {
    never(before.decision.durable && !after.decision.durable, Breach::DecisionGone)?;
    let at = before.outcomes.ended() & before.outcomes.unlike(&after.outcomes);
    never(at != 0, Breach::OutcomeChanged { at })
}

/// D = C, or an o = C of two phases, only if every enlisted participant durably voted yes, or
/// read-only (AC3).
#[inline]
pub const fn validity(known: &Known) -> Judged {
    let committed = known.decision.durable || known.outcomes.committed != 0;
    let at = known.enlisted & !(known.yes | known.outcomes.read_only);
    never(committed && at != 0, Breach::WithoutYes { at })
}

/// All yes, no fault, no timeout: D = C (AC4). A commit that nothing disturbs is answered as
/// committed, and it is answered.
#[inline]
pub const fn non_triviality(known: &Known) -> Judged {
    let refused = matches!(known.answer, Some(answer) if !answer.committed);
    never(known.undisturbed && (refused || known.left.unanswered), Breach::NotCommitted)
}

/// o = C only after D = C was durable; one-phase commit exempt (the commit rule of presumed
/// abort: Mohan, Lindsay and Obermarck, "Transaction management in the R* distributed database
/// management system", section 3).
#[inline]
pub const fn decision_before_effect(known: &Known) -> Judged {
    let at = known.outcomes.committed;
    never(!known.decision.durable && at != 0, Breach::BeforeDecision { at })
}

/// Told committed: it is decided, or committed by itself, and C everywhere in the end; whoever
/// has not acknowledged is named. Told aborted, by the answer or by gid: it is A everywhere, and
/// no decision can come any more. Told in doubt: either, but asking by gid eventually gives the
/// truth.
///
/// Exempt is what is *presumed* of a commit that needs no decision: see
/// [`Known::needs_no_decision`].
#[inline]
pub fn client_truth(known: &Known) -> Judged {
    let told = known.told;
    let commits = known.outcomes.commits();
    if told.committed {
        let at = known.enlisted & !(known.outcomes.one_phase | known.outcomes.read_only);
        never(!known.decision.durable && at != 0, Breach::ToldCommittedUndecided { at })?;
        let at = known.not_committed();
        never(at != 0, Breach::ToldCommittedNotDone { at })?;
    }
    let decided = known.decision.durable || known.decision.may_come;
    never((told.aborted || told.presumed_aborted) && decided, Breach::ToldAbortedDecided)?;
    if told.aborted || told.presumed_aborted && !known.needs_no_decision() {
        never(commits != 0, Breach::ToldAbortedDone { at: commits })?;
        never(told.committed, Breach::ToldBoth)?;
    }
    if let Some(answer) = known.answer.filter(|answer| answer.committed) {
        let at = known.unfinished() & !answer.pending;
        never(at != 0, Breach::PendingUnsaid { at })?;
    }
    never(known.left.in_doubt, Breach::StillInDoubt)
}

/// A commit is forgotten only after every participant has durably finished: the log must owe it
/// until then, or recovery would presume it aborted (Mohan, Lindsay and Obermarck, section 3). What
/// a failover brings back had finished; then it is for the log to remember that it committed.
#[inline]
pub const fn safe_forgetting(known: &Known) -> Judged {
    let at = known.unfinished();
    never(known.decision.forgotten && at != 0, Breach::ForgottenEarly { at })
}

/// A resolution by someone else that contradicts D is reported, never swallowed. And none is
/// reported where nobody resolved anything, or could have: an alarm that cries wolf is switched
/// off.
///
/// Swallowed can only be said at rest, and of D = C only: under presumed abort nothing is
/// remembered of an abort, so a branch that an operator commits after its coordinator has
/// forgotten it has nobody left to notice. What was known at the answer is in the answer,
/// unless the participant is pending in it: then it may have told a successor's recovery. So may
/// one that acknowledged the decision and then could no longer tell. And of a branch that a failover
/// brought back, and an operator then ended, nobody asks any more.
#[inline]
pub fn heuristics_reported(known: &Known) -> Judged {
    let at = known.reported & !(known.outcomes.by_operator() | known.untold);
    never(at != 0, Breach::FalseAlarm { at })?;
    if let Some(answer) = known.answer.filter(|answer| answer.committed) {
        let at = known.reported & !(answer.heuristic | answer.pending | known.untold);
        never(at != 0, Breach::HeuristicUnsaid { at })?;
    }
    let at = known.outcomes.operator_rolled_back & !(known.reported | known.back);
    never(known.at_rest && known.decision.durable && at != 0, Breach::HeuristicSwallowed { at })
}

/// When nothing more will happen: no branch of it prepared or open, and nothing owed by the log,
/// unless a branch was reported that cannot say how it ended: then the decision stays owed until
/// an operator acknowledges that.
#[inline]
pub fn no_orphans(known: &Known) -> Judged {
    let at = known.left.branches;
    never(at != 0, Breach::StillThere { at })?;
    let hazards = known.reported & known.untold;
    never(known.left.owed && hazards == 0, Breach::StillOwed)
}
