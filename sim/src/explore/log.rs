//! The decision log: forces that land late or never, forgetting that is lazy, openings that fence.

use super::claim::Sometimes;
use super::rules::Rules;
use super::state::{Force, Log, NOT_BEGUN};
use super::step::Step;
use crate::invariants::Invariant;

impl<R: Rules> Step<'_, R> {
    /// The decision becomes durable. A force that nobody waits for lands all the same.
    pub(super) fn land(&mut self, t: usize) {
        let tx = &mut self.state.txs[t];
        tx.log = Log::Decided;
        if tx.force == Force::Limbo {
            tx.force = Force::None;
            self.reaches(Sometimes::LateForce);
        }
    }

    /// The other transaction of the same gid.
    pub(super) fn twin(&self, t: usize) -> Option<usize> {
        let begun = |t: usize| self.state.txs[t].machine != NOT_BEGUN;
        let same = |other: &usize| {
            let epoch = |t: usize| self.state.txs[t].epoch;
            *other != t
                && self.system.rules.same_gid(epoch(t), epoch(*other))
                && begun(t)
                && begun(*other)
        };
        self.system.transactions().find(same)
    }

    /// What the log has under the transaction's gid.
    pub(super) fn logged(&self, t: usize) -> Log {
        self.state.txs[self.entry(t)].log
    }

    /// The branches that the decision under its gid names.
    pub(super) fn named(&self, t: usize) -> u8 {
        self.state.txs[self.entry(t)].named
    }

    fn entry(&self, t: usize) -> usize {
        match self.twin(t) {
            Some(twin) if self.state.txs[t].log == Log::Absent => twin,
            _ => t,
        }
    }

    /// Nobody waits for the force any more; it may still land, if it can.
    pub(super) fn abandon_force(&mut self, t: usize) {
        let log_epoch = self.state.log_epoch;
        let tx = &mut self.state.txs[t];
        if tx.force == Force::None {
            return;
        }
        let may_land = !tx.log.decided() && self.system.rules.force_lands(tx.epoch, log_epoch);
        tx.force = if may_land { Force::Limbo } else { Force::None };
    }

    /// A coordinator of this epoch notes that a commit is finished everywhere. What an opening
    /// notes that is no longer the latest reaches nobody.
    pub(super) fn forget(&mut self, t: usize, epoch: u8) {
        let tx = &mut self.state.txs[t];
        if epoch != self.state.log_epoch {
            return;
        }
        match tx.log {
            Log::Decided => tx.log = Log::Forgetting,
            Log::Absent => tx.log = Log::Noted,
            Log::Forgetting | Log::Finished | Log::Expired | Log::Noted | Log::NotedForGood => {}
        }
    }

    /// The log does not take a note, or not in time: the driver goes on without it.
    pub(super) fn forget_lost(&mut self, t: usize) {
        let tx = &mut self.state.txs[t];
        tx.log = if tx.log == Log::Forgetting { Log::Decided } else { Log::Absent };
    }

    /// What was noted lazily reaches the disk.
    pub(super) fn note_forgotten(&mut self, t: usize) {
        let tx = &mut self.state.txs[t];
        tx.log = if tx.log == Log::Forgetting { Log::Finished } else { Log::NotedForGood };
    }

    /// A coordinator opens the log: a new epoch, which fences every older one, and nothing of
    /// what was only noted.
    pub(super) fn open(&mut self, c: usize) {
        self.state.log_epoch += 1;
        self.state.coordinators[c].epoch = self.state.log_epoch;
        for t in self.system.transactions() {
            let tx = &mut self.state.txs[t];
            tx.log = match tx.log {
                Log::Forgetting => Log::Decided,
                Log::Noted => Log::Absent,
                kept @ (Log::Absent
                | Log::Decided
                | Log::Finished
                | Log::Expired
                | Log::NotedForGood) => kept,
            };
            if tx.log == Log::Decided && !self.system.rules.opening_keeps_decisions() {
                tx.log = Log::Absent;
                self.breaks(Invariant::Durability);
            }
            if self.state.txs[t].force == Force::Limbo {
                self.abandon_force(t);
            }
        }
    }
}
