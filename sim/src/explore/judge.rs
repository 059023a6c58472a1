//! The invariants that a state by itself can break.

use indoubt::protocol::Phase;

use super::claim::Invariant;
use super::rules::Rules;
use super::state::{At, Call, Force, Log, NO_MACHINE, NOT_BEGUN, State, Told, Tx, Wait};
use super::system::System;

impl<R: Rules> System<R> {
    /// The first invariant that this state breaks.
    pub(super) fn judge(&self, state: &State) -> Option<Invariant> {
        self.transactions().find_map(|t| {
            let tx = &state.txs[t];
            if tx.machine == NOT_BEGUN {
                return None;
            }
            if tx.machine != NO_MACHINE && self.waits_for_nothing(tx) {
                return Some(Invariant::Termination);
            }
            let ats = || tx.branches[self.participants()].iter().map(|branch| branch.at);
            // A durable decision counts as a commit: it will be carried out.
            let rolled_back = tx.log.decided() && ats().any(|at| at == At::RolledBack);
            if rolled_back || ats().any(At::committed) && ats().any(At::aborted) {
                return Some(Invariant::Agreement);
            }
            // Every branch that was prepared, or has only read, has voted for it.
            if tx.log.decided() && ats().any(|at| matches!(at, At::Open | At::Gone)) {
                return Some(Invariant::Validity);
            }
            (!self.told_truth(state, tx, &ats)).then_some(Invariant::ClientTruth)
        })
    }

    /// Whether a machine that is not done will never get another input.
    fn waits_for_nothing(&self, tx: &Tx) -> bool {
        let calls = &tx.branches[self.participants()];
        tx.wait == Wait::Nothing
            && tx.force != Force::Flying
            && calls.iter().all(|branch| branch.call == Call::None)
    }

    fn told_truth<I: Iterator<Item = At>>(
        &self,
        state: &State,
        tx: &Tx,
        ats: &impl Fn() -> I,
    ) -> bool {
        let committed = tx.log.decided() || ats().any(At::committed);
        match tx.told {
            Told::Aborted if committed => return false,
            Told::Committed => {
                // Nothing wrote, or the only branch committed by itself.
                let unlogged = ats().all(|at| matches!(at, At::ReadOnly | At::CommittedAlone));
                if ats().any(At::aborted) || !(tx.log.decided() || unlogged) {
                    return false;
                }
            }
            _ => {}
        }
        // Whoever asks by gid is told aborted by a coordinator that is aborting it, and by any
        // that finds nothing in the log and does not drive it itself.
        let aborting = self.phase(tx.machine) == Some(Phase::Aborting);
        let may_land = tx.force != Force::None && self.rules.force_lands(tx.epoch, state.log_epoch);
        let presumed = self.coordinators().any(|c| {
            let driven = usize::from(tx.owner) == c && tx.machine != NO_MACHINE;
            state.coordinators[c].epoch >= tx.epoch && !driven
        });
        let told_aborted = aborting || presumed && tx.log == Log::Absent;
        !(told_aborted && (tx.log.decided() || may_land))
    }
}
