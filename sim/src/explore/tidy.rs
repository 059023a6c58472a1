//! What can make no difference any more is dropped, so that states which will behave alike are
//! one. Nothing here depends on what the machines do, only on what the environment does.

use super::claim::Sometimes;
use super::rules::Rules;
use super::state::{At, Branch, Call, Force, Log, NO_MACHINE, NOT_BEGUN, Recovery, Tx};
use super::step::Step;

impl<R: Rules> Step<'_, R> {
    pub(super) fn tidy(&mut self) {
        for t in self.system.transactions() {
            if self.state.txs[t].machine != NOT_BEGUN {
                self.drop_what_comes_too_late(t);
                self.close(t);
            }
        }
        self.rank_epochs();
    }

    /// A branch that has ended ignores every request.
    fn drop_what_comes_too_late(&mut self, t: usize) {
        for p in self.system.participants() {
            let branch = &mut self.state.txs[t].branches[p];
            if matches!(branch.at, At::Open | At::Prepared) {
                continue;
            }
            if std::mem::take(&mut branch.strays) != 0
                && matches!(branch.at, At::Committed | At::RolledBack)
            {
                self.reaches(Sometimes::DuplicateAfterEnd);
            }
        }
    }

    /// A transaction to which nothing more can happen is judged, and then all such are alike.
    fn close(&mut self, t: usize) {
        let tx = &self.state.txs[t];
        let idle = Recovery::default();
        let over = |branch: &Branch| {
            branch.call == Call::None && !matches!(branch.at, At::Open | At::Prepared)
        };
        let over = tx.machine == NO_MACHINE
            && tx.force == Force::None
            && !matches!(tx.log, Log::Decided | Log::Forgetting)
            && tx.branches[self.system.participants()].iter().all(over)
            && self.state.coordinators.iter().all(|one| one.recoveries[t] == idle);
        if tx.machine == NO_MACHINE {
            self.state.txs[t].owner = 0;
        }
        if over {
            if let Some(invariant) = self.system.left_by(&self.state, t) {
                return self.breaks(invariant);
            }
            let branch = Branch { at: At::ReadOnly, ..Branch::default() };
            self.state.txs[t] = Tx {
                machine: NO_MACHINE,
                branches: [branch; super::state::MAX_PARTICIPANTS],
                ..Tx::default()
            };
        }
    }

    /// Of epochs only the order matters.
    fn rank_epochs(&mut self) {
        let mut taken = 1_u16 | 1 << self.state.log_epoch;
        for coordinator in &self.state.coordinators {
            taken |= 1 << coordinator.epoch;
        }
        for tx in &self.state.txs {
            taken |= 1 << tx.epoch;
        }
        let rank = |epoch: u8| (taken & ((1 << epoch) - 1)).count_ones() as u8;
        self.state.log_epoch = rank(self.state.log_epoch);
        for coordinator in &mut self.state.coordinators {
            coordinator.epoch = rank(coordinator.epoch);
        }
        for tx in &mut self.state.txs {
            tx.epoch = rank(tx.epoch);
        }
    }
}
