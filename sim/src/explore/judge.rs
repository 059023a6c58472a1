//! What is known of a transaction in a state, and which invariant that breaks.
//!
//! The claims are the simulator's ([`crate::invariants::claims`]). A few invariants need more than
//! what is known of a transaction, and are judged where that is: `termination` here and where a
//! machine is done, `durability` where a force returns and where the log is opened, `ownership`
//! where recovery resolves; and where a commit is refused that nothing of it is begun.

#[cfg(test)]
mod tests;

use super::rules::Rules;
use super::state::{
    At, Call, Force, Log, NO_MACHINE, NOT_BEGUN, Stage, State, Timers, Told, Tx, Wait,
};
use super::system::System;
use crate::invariants::{Answered, Claimed, Decided, Invariant, Known, Outcomes, claims};
use crate::story::MAX_PARTICIPANTS;

/// The invariants that an exploration judges.
pub const JUDGED: [Invariant; 12] = [
    Invariant::Agreement,
    Invariant::Stability,
    Invariant::Validity,
    Invariant::NonTriviality,
    Invariant::Termination,
    Invariant::DecisionBeforeEffect,
    Invariant::ClientTruth,
    Invariant::Durability,
    Invariant::NoOrphans,
    Invariant::Ownership,
    Invariant::SafeForgetting,
    Invariant::HeuristicsReported,
];

/// The first invariant that this breaks.
#[expect(clippy::inline_always, reason = "measured: asked at every step, and mostly constant")]
#[inline(always)]
pub(super) fn first_broken(known: &Known) -> Option<Invariant> {
    let mut first = None;
    claims::judge(known, |invariant, _| {
        first.get_or_insert(invariant);
    });
    first
}

impl<R: Rules> System<R> {
    /// The first invariant that a step breaks, in which a client may have been answered.
    pub(super) fn judge(
        &self,
        before: &State,
        after: &State,
        answered: Option<(usize, Answered)>,
    ) -> Option<Invariant> {
        self.transactions().find_map(|t| {
            let tx = &after.txs[t];
            if tx.machine == NOT_BEGUN {
                return None;
            }
            if tx.machine != NO_MACHINE
                && (self.waits_for_nothing(tx) || self.keeps_its_client_waiting(tx))
            {
                return Some(Invariant::Termination);
            }
            let answer = answered.filter(|(of, _)| *of == t).map(|(_, answer)| answer);
            if answer.is_none() && self.is_as_known(before, after, t) {
                return None;
            }
            let mut known = self.known(after, t);
            if claims::stability(&self.known(before, t), &known).is_err() {
                return Some(Invariant::Stability);
            }
            known.answer = answer;
            first_broken(&known)
        })
    }

    /// Whether nothing has changed of what is known of a transaction: then it breaks nothing, for
    /// the state before has been judged. Many steps are such.
    fn is_as_known(&self, before: &State, after: &State, t: usize) -> bool {
        let (one, other) = (&before.txs[t], &after.txs[t]);
        let head = |tx: &Tx| (tx.log, tx.told, tx.reported, tx.force, tx.owner, tx.epoch, tx.stage);
        let place = |tx: &Tx, p: usize| (tx.branches[p].at, tx.branches[p].mute);
        let at = |p: usize| place(one, p) == place(other, p);
        let up = |c: usize| before.coordinators[c].epoch == after.coordinators[c].epoch;
        let same = head(one) == head(other)
            && before.log_epoch == after.log_epoch
            && self.participants().all(at)
            && self.coordinators().all(up);
        debug_assert!(!same || self.known(before, t) == self.known(after, t));
        same
    }

    /// Whether a machine that is not done will never get another input.
    fn waits_for_nothing(&self, tx: &Tx) -> bool {
        let calls = &tx.branches[self.participants()];
        tx.wait == Wait::Nothing
            && tx.force != Force::Flying
            && calls.iter().all(|branch| branch.call == Call::None)
    }

    /// Whether its client has no answer and will get none by time alone, though all that could
    /// bring one may never come: a force, the log, a retry. Nor does anybody wait for more than so
    /// long once branches are being told how to end.
    fn keeps_its_client_waiting(&self, tx: &Tx) -> bool {
        let calls = &tx.branches[self.participants()];
        !tx.answered
            && tx.timers == Timers::default()
            && (tx.wait != Wait::Nothing
                || tx.force == Force::Flying
                || calls.iter().any(|branch| branch.call.is_timed()))
    }

    /// What is known of a transaction. Every participant has a branch of it.
    #[expect(clippy::inline_always, reason = "measured: asked at every step, and mostly constant")]
    #[inline(always)]
    pub(super) fn known(&self, state: &State, t: usize) -> Known {
        let tx = &state.txs[t];
        // One set of participants after the other, for each place where a branch can be: this is
        // asked at every step, and one word is quicker than many.
        let shift = |at: At| MAX_PARTICIPANTS * at as usize;
        let branches = tx.branches[self.participants()].iter().enumerate();
        let places = branches.fold(0_u64, |places, (p, one)| places | 1 << (shift(one.at) + p));
        let at = |at: At| places >> shift(at) & ((1 << MAX_PARTICIPANTS) - 1);
        let outcomes = Outcomes {
            committed: at(At::Committed),
            one_phase: at(At::CommittedAlone),
            rolled_back: at(At::RolledBack),
            read_only: at(At::ReadOnly),
            gone: at(At::Gone),
            operator_committed: at(At::OperatorCommitted),
            operator_rolled_back: at(At::OperatorRolledBack),
        };
        let noted = matches!(tx.log, Log::Noted | Log::NotedForGood);
        Known {
            enlisted: (1 << self.size.participants) - 1,
            yes: at(At::Prepared)
                | outcomes.committed
                | outcomes.rolled_back
                | outcomes.by_operator(),
            outcomes,
            reported: tx.reported.into(),
            untold: self
                .participants()
                .filter(|p| tx.branches[*p].mute)
                .fold(0, |untold, p| untold | 1 << p),
            decision: Decided {
                durable: tx.log.decided(),
                may_come: tx.force != Force::None
                    && self.rules.force_lands(tx.epoch, state.log_epoch),
                forgotten: noted || tx.log.decided() && tx.log != Log::Decided,
            },
            // Whoever asks by gid is told what the log has noted, and aborted by a coordinator
            // that is aborting it.
            told: Claimed {
                committed: tx.told == Told::Committed || noted,
                aborted: tx.told == Told::Aborted || tx.stage == Stage::Aborting,
                presumed_aborted: tx.log == Log::Absent && self.is_presumed(state, t),
            },
            undisturbed: self.calm,
            ..Known::default()
        }
    }

    /// Whether a coordinator is up that knows of the transaction only what the log says.
    fn is_presumed(&self, state: &State, t: usize) -> bool {
        let tx = &state.txs[t];
        self.coordinators()
            .any(|c| state.coordinators[c].epoch >= tx.epoch && !Self::live(state, c, t))
    }
}
