//! Recovery at a coordinator, transaction by transaction.
//!
//! A sweep scans, reads what the log still owes, and then works on every suspect by itself. Here
//! each transaction is swept by itself too, which allows all that sweeps can do and more: a scan
//! that fails has found nothing, so a suspect has been found at any of the participants where it
//! is prepared. The scan is part of taking the suspect up: what was found earlier and has ended
//! since makes no difference to anybody who is told of it, and what has not would be found now.
//!
//! Absent are two sweeps of one coordinator that carry out, side by side, what the log owes of one
//! transaction. Two coordinators' do.

use indoubt::protocol::{
    Decision, Ending, LogAnswer, LogFailure, Ownership, RecoveryEffect, RecoveryInput,
};

use super::claim::Sometimes;
use super::machines::{recovery_input, set};
use super::participant::stray_resolve;
use super::rules::Rules;
use super::state::{Log, NO_MACHINE, Recovery, Resolve, Stage};
use super::step::Step;
use super::system::System;
use crate::invariants::Invariant;
use crate::story::LogReading;

impl<R: Rules> Step<'_, R> {
    /// The sweep takes up a transaction, and asks whether it is live in its own process.
    pub(super) fn suspect(&mut self, c: usize, t: usize, found: u8) {
        let opening = self.state.coordinators[c].epoch;
        let whose = self.system.rules.ownership(self.state.txs[t].epoch, opening);
        if self.state.txs[t].epoch > opening {
            self.reaches(Sometimes::SweepMeetsNewer);
        }
        let foreign = usize::from(whose == Ownership::Foreign);
        let recovery = &mut self.state.coordinators[c].recoveries[t];
        // The place of this start among all the starts that were tabulated.
        let start = foreign << self.system.size.participants | usize::from(found);
        recovery.machine = self.system.recoveries.starts[start];
        self.tell(c, t, RecoveryInput::Start);
    }

    /// The log is read for a suspect.
    pub(super) fn consult(&mut self, c: usize, t: usize, reading: LogReading) {
        let answer = match reading {
            LogReading::Truth => Ok(match self.logged(t) {
                Log::Absent => LogAnswer::Absent,
                Log::Expired => LogAnswer::Expired,
                Log::Decided => LogAnswer::Commit(set(self.named(t))),
                Log::Forgetting | Log::Finished | Log::Noted | Log::NotedForGood => {
                    LogAnswer::Finished
                }
            }),
            LogReading::Unreadable => self.system.rules.unread(LogFailure::Unreadable),
            LogReading::Fenced => self.system.rules.unread(LogFailure::Fenced),
        };
        self.tell_read(c, t, answer);
    }

    fn tell_read(&mut self, c: usize, t: usize, answer: Result<LogAnswer, LogFailure>) {
        self.hand(c, t, RecoveryInput::LogRead(answer), matches!(answer, Ok(LogAnswer::Commit(_))));
    }

    /// Gives a recovery machine an input, and does what it wants done.
    pub(super) fn tell(&mut self, c: usize, t: usize, input: RecoveryInput) {
        self.hand(c, t, input, false);
    }

    fn hand(&mut self, c: usize, t: usize, input: RecoveryInput, with_evidence: bool) {
        let system = self.system;
        let machine = self.state.coordinators[c].recoveries[t].machine;
        if machine == NO_MACHINE {
            return;
        }
        let number = recovery_input(input, usize::from(system.size.participants));
        let (next, effects) = system.recoveries.step(machine, number);
        self.state.coordinators[c].recoveries[t].machine = next;
        for effect in effects {
            match *effect {
                RecoveryEffect::AskLive => {
                    let live = |t| System::<R>::live(&self.state, c, t);
                    let live = live(t) || self.twin(t).is_some_and(live);
                    if live {
                        self.reaches(Sometimes::SweepMeetsLive);
                    }
                    self.hand(c, t, RecoveryInput::Live(live), false);
                }
                // Asked here, answered by `Action::Consult`.
                RecoveryEffect::ReadLog => {}
                RecoveryEffect::Finish(set, decision) => {
                    if self.state.txs[t].epoch > self.state.coordinators[c].epoch {
                        self.breaks(Invariant::Ownership);
                    }
                    let call = match decision {
                        Decision::Commit if with_evidence => Resolve::Commit,
                        Decision::Commit => Resolve::Recommit,
                        Decision::Abort => Resolve::Abort,
                    };
                    let calls = &mut self.state.coordinators[c].recoveries[t].calls;
                    set.iter().for_each(|id| calls[usize::from(id.index())] = call);
                    // Nothing comes of its answers, so nobody waits for them; and a sweep may run
                    // beside another one.
                    if call != Resolve::Commit && system.inert[usize::from(next)] {
                        self.end_recovery(c, t);
                    }
                }
                RecoveryEffect::Forget => {
                    if matches!(input, RecoveryInput::Finished(_, Ending::Untold)) {
                        self.breaks(Invariant::SafeForgetting);
                    }
                    let epoch = self.state.coordinators[c].epoch;
                    self.forget(t, epoch);
                }
                RecoveryEffect::Done => self.end_recovery(c, t),
            }
        }
    }

    fn end_recovery(&mut self, c: usize, t: usize) {
        for p in self.system.participants() {
            self.abandon_resolve(c, t, p);
        }
        self.state.coordinators[c].recoveries[t].machine = NO_MACHINE;
    }

    /// Nobody waits for this call of recovery any more.
    pub(super) fn abandon_resolve(&mut self, c: usize, t: usize, p: usize) {
        let call = std::mem::take(&mut self.state.coordinators[c].recoveries[t].calls[p]);
        if let Some(stray) = stray_resolve(call) {
            self.state.txs[t].branches[p].strays |= stray.bit();
        }
    }

    /// The process of a coordinator ends, and with it all that it has not logged.
    pub(super) fn crash(&mut self, c: usize) {
        for t in self.system.transactions() {
            if self.state.coordinators[c].recoveries[t].machine != NO_MACHINE {
                self.reaches(Sometimes::CrashInRecovery);
            }
            self.end_recovery(c, t);
            self.state.coordinators[c].recoveries[t] = Recovery::default();
            if System::<R>::live(&self.state, c, t) {
                self.let_go(t);
                self.state.txs[t].stage = Stage::Absent;
            }
        }
        self.state.coordinators[c].epoch = 0;
    }
}
