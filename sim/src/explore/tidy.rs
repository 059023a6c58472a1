//! What can make no difference any more is dropped, so that states which will behave alike are
//! one. Nothing here depends on what the machines do, only on what the environment does.

use super::claim::Sometimes;
use super::rules::Rules;
use super::state::{At, Branch, Call, Force, Log, NO_MACHINE, NOT_BEGUN, Recovery, Stage, Tx};
use super::step::Step;
use crate::story::Stray;

impl<R: Rules> Step<'_, R> {
    pub(super) fn tidy(&mut self) {
        for t in self.system.transactions() {
            if self.state.txs[t].machine != NOT_BEGUN {
                self.drop_what_comes_too_late(t);
                self.close(t);
            }
        }
        self.state.rank_epochs();
    }

    /// A branch that has ended ignores every request, but a vote that is waited for can still
    /// come from the second copy of its request.
    fn drop_what_comes_too_late(&mut self, t: usize) {
        let asked = self.state.may_be_asked(t);
        for p in self.system.participants() {
            let tx = &mut self.state.txs[t];
            let branch = &mut tx.branches[p];
            if matches!(branch.at, At::Open | At::Prepared) {
                continue;
            }
            if branch.mute && !asked {
                branch.mute = false;
                if !branch.at.by_operator() {
                    tx.reported &= !(1 << p);
                }
            }
            let waited_for = matches!(branch.call, Call::Yes | Call::ReadOnly);
            let matters = if waited_for { branch.strays & Stray::Prepare.bit() } else { 0 };
            if std::mem::replace(&mut branch.strays, matters) != matters
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
        if tx.machine == NO_MACHINE && tx.stage == Stage::Absent {
            self.state.txs[t].owner = 0;
        }
        if over {
            if let Some(invariant) = self.system.left_by(&self.state, t) {
                return self.breaks(invariant);
            }
            let branch = Branch { at: At::ReadOnly, ..Branch::default() };
            self.state.txs[t] = Tx {
                machine: NO_MACHINE,
                branches: [branch; crate::story::MAX_PARTICIPANTS],
                ..Tx::default()
            };
        }
    }
}
