//! What is known of a transaction in a state, and which invariant that breaks.
//!
//! The claims are the simulator's ([`crate::invariants::claims`]). Only three are not, for they
//! are about more than one transaction at one moment: `termination` is judged here, `durability`
//! and `ownership` where the log is opened and where recovery resolves.

#[cfg(test)]
mod tests;

use indoubt::protocol::Phase;

use super::rules::Rules;
use super::state::{At, Call, Force, Log, NO_MACHINE, NOT_BEGUN, State, Told, Tx, Wait};
use super::system::System;
use crate::invariants::{Answer, Decision, Invariant, Known, Outcomes, claims};

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

/// How many places a branch can be at.
const ATS: usize = At::OperatorRolledBack as usize + 1;

/// The first invariant that this breaks.
pub(super) fn first_broken(known: &Known) -> Option<Invariant> {
    let mut first = None;
    claims::judge(known, |invariant, _| {
        first.get_or_insert(invariant);
    });
    first
}

impl<R: Rules> System<R> {
    /// The first invariant that this state breaks, in which a client may have been answered.
    pub(super) fn judge(
        &self,
        state: &State,
        answered: Option<(usize, Answer)>,
    ) -> Option<Invariant> {
        self.transactions().find_map(|t| {
            let tx = &state.txs[t];
            if tx.machine == NOT_BEGUN {
                return None;
            }
            if tx.machine != NO_MACHINE && self.waits_for_nothing(tx) {
                return Some(Invariant::Termination);
            }
            let answer = answered.filter(|(of, _)| *of == t).map(|(_, answer)| answer);
            first_broken(&Known { answer, ..self.known(state, t) })
        })
    }

    /// Whether a machine that is not done will never get another input.
    fn waits_for_nothing(&self, tx: &Tx) -> bool {
        let calls = &tx.branches[self.participants()];
        tx.wait == Wait::Nothing
            && tx.force != Force::Flying
            && calls.iter().all(|branch| branch.call == Call::None)
    }

    /// What is known of a transaction. Every participant has a branch of it.
    pub(super) fn known(&self, state: &State, t: usize) -> Known {
        let tx = &state.txs[t];
        let mut places = [0; ATS];
        for p in self.participants() {
            places[tx.branches[p].at as usize] |= 1 << p;
        }
        let at = |at: At| places[at as usize];
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
        let aborting = self.phase(tx.machine) == Some(Phase::Aborting);
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
            decision: Decision {
                durable: tx.log.decided(),
                may_come: tx.force != Force::None
                    && self.rules.force_lands(tx.epoch, state.log_epoch),
                forgotten: noted || tx.log.decided() && tx.log != Log::Decided,
            },
            // Whoever asks by gid is told what the log has noted, and aborted by a coordinator
            // that is aborting it.
            told: crate::invariants::Told {
                committed: tx.told == Told::Committed || noted,
                aborted: tx.told == Told::Aborted || aborting,
                presumed_aborted: tx.log == Log::Absent && self.is_presumed(state, t),
            },
            undisturbed: self.calm,
            ..Known::default()
        }
    }

    /// Whether a coordinator is up that knows of the transaction only what the log says.
    fn is_presumed(&self, state: &State, t: usize) -> bool {
        let tx = &state.txs[t];
        self.coordinators().any(|c| {
            let driven = usize::from(tx.owner) == c && tx.machine != NO_MACHINE;
            state.coordinators[c].epoch >= tx.epoch && !driven
        })
    }
}
