//! What may happen next in a state.
//!
//! Deadlines, retries and sweeps are ordinary: they may happen at any time. Faults take from the
//! budget. A deadline passes only while the timer runs that the machine has asked for. Left out is
//! only what changes nothing, now or later: losing a request whose call is still waited for (it is
//! given up on first), scanning where nothing is prepared, and timers that the machine ignores.

use indoubt::protocol::{Phase, Timer};

use super::rules::Rules;
use super::state::{At, Call, Force, Log, NO_MACHINE, NOT_BEGUN, Resolve, State, Wait};
use super::system::System;
use crate::story::{Action, Choice, From, LogReading, MAX_FAULTS, Refusal, Stray};

const fn short(index: usize) -> u8 {
    index as u8
}

impl<R: Rules> System<R> {
    /// Everything that may happen next, in a fixed order.
    pub(super) fn enabled(&self, state: &State, mut out: impl FnMut(Action)) {
        let mut out = |action: Action| {
            let affordable = action.cost() <= state.budget;
            if affordable && !(self.calm && action.disturbs()) {
                out(action);
            }
        };
        for t in self.transactions() {
            self.of_transaction(state, t, &mut out);
            for p in self.participants() {
                self.of_branch(state, t, p, &mut out);
            }
        }
        for c in self.coordinators() {
            self.of_coordinator(state, c, &mut out);
        }
        for p in self.participants() {
            let volatile = |t: usize| match state.txs[t].branches[p].at {
                At::Open => state.txs[t].machine != NOT_BEGUN,
                At::Prepared => !self.rules.prepare_is_durable(),
                At::Committed => !self.rules.commit_is_durable(),
                At::RolledBack
                | At::CommittedAlone
                | At::ReadOnly
                | At::Gone
                | At::OperatorCommitted
                | At::OperatorRolledBack => false,
            };
            if self.transactions().any(volatile) {
                out(Action::CrashParticipant { p: short(p) });
            }
        }
    }

    fn of_transaction(&self, state: &State, t: usize, out: &mut impl FnMut(Action)) {
        let tx = &state.txs[t];
        let succeeded = tx.epoch < state.log_epoch;
        let t8 = short(t);
        if tx.machine == NOT_BEGUN {
            for c in self.coordinators() {
                if state.coordinators[c].epoch > 0 {
                    out(Action::Begin { t: t8, c: short(c), commit: true });
                    out(Action::Begin { t: t8, c: short(c), commit: false });
                    self.refusals(state, t, c, out);
                }
            }
            return;
        }
        if tx.force != Force::None
            && !tx.log.decided()
            && self.rules.force_lands(tx.epoch, state.log_epoch)
        {
            out(Action::Land { t: t8 });
        }
        if tx.force == Force::Flying {
            if tx.log.decided() || !self.rules.force_waits() {
                out(Action::ForceReturns { t: t8 });
            }
            out(Action::ForceFails { t: t8 });
            if succeeded && !self.rules.force_lands(tx.epoch, state.log_epoch) {
                out(Action::ForceFenced { t: t8 });
            }
        }
        match tx.wait {
            Wait::Nothing => {}
            Wait::Retry => out(Action::Retry { t: t8 }),
            Wait::Read => {
                out(Action::Read { t: t8, reading: LogReading::Truth });
                out(Action::Read { t: t8, reading: LogReading::Unreadable });
                if succeeded {
                    out(Action::Read { t: t8, reading: LogReading::Fenced });
                }
            }
        }
        if tx.timers.is_running(Timer::Force) {
            out(Action::ForceOverdue { t: t8 });
        }
        if tx.timers.is_running(Timer::Acknowledge) {
            out(Action::AcknowledgeOverdue { t: t8 });
        }
        match tx.log {
            Log::Forgetting | Log::Noted => {
                out(Action::NoteForgotten { t: t8 });
                out(Action::ForgetLost { t: t8 });
            }
            Log::Finished => out(Action::Expire { t: t8 }),
            Log::Absent | Log::Decided | Log::Expired | Log::NotedForGood => {}
        }
    }

    /// A commit is refused for what a coordinator may know, whether or not it does: a call of
    /// another transaction can have told it so. Only where nothing is forced is the log not asked.
    fn refusals(&self, state: &State, t: usize, c: usize, out: &mut impl FnMut(Action)) {
        let mut refuse = |refusal| out(Action::RefuseCommit { t: short(t), c: short(c), refusal });
        if state.coordinators[c].epoch < state.log_epoch {
            refuse(Refusal::Fenced);
        }
        if self.needs_log() {
            refuse(Refusal::LogBroken);
        }
        refuse(Refusal::Incomplete);
    }

    fn of_branch(&self, state: &State, t: usize, p: usize, out: &mut impl FnMut(Action)) {
        let tx = &state.txs[t];
        if tx.machine == NOT_BEGUN {
            return;
        }
        let branch = &tx.branches[p];
        let (t8, p8) = (short(t), short(p));
        let from = From::Transaction;
        match branch.call {
            Call::None => {}
            asked @ (Call::Prepare | Call::OnePhase | Call::Commit | Call::Abort) => {
                arrivals(t8, p8, from, branch.at, as_stray(asked), out);
                let ends = matches!(asked, Call::Commit | Call::Abort);
                if ends && others(state, t, p) {
                    out(Action::Refuse { t: t8, p: p8, from });
                }
                out(Action::GiveUp { t: t8, p: p8, from });
            }
            // An inquiry is asked and answered at once.
            Call::Inquire
            | Call::Yes
            | Call::ReadOnly
            | Call::No
            | Call::OneCommitted
            | Call::OneRolledBack
            | Call::AsDecided
            | Call::Heuristic
            | Call::Untold => {
                out(Action::Reply { t: t8, p: p8, from });
                out(Action::GiveUp { t: t8, p: p8, from });
            }
        }
        for c in self.coordinators() {
            let from = From::Recovery(short(c));
            let call = state.coordinators[c].recoveries[t].calls[p];
            if call == Resolve::None {
                continue;
            }
            if call.asked() {
                arrivals(t8, p8, from, branch.at, None, out);
                // Recovery does not even ask a participant that it could not list.
                out(Action::Refuse { t: t8, p: p8, from });
            } else {
                out(Action::Reply { t: t8, p: p8, from });
            }
            out(Action::GiveUp { t: t8, p: p8, from });
        }
        for stray in Stray::ALL {
            if branch.strays & stray.bit() != 0 {
                arrivals(t8, p8, From::Nobody(stray), branch.at, Some(stray), out);
                out(Action::Lose { t: t8, p: p8, stray });
            }
        }
        let evidence = |out: &mut dyn FnMut(Action)| {
            if !branch.mute {
                out(Action::LoseEvidence { t: t8, p: p8 });
            }
        };
        match branch.at {
            At::Prepared => {
                out(Action::Operator { t: t8, p: p8, commit: true });
                out(Action::Operator { t: t8, p: p8, commit: false });
            }
            At::Gone => {
                if matches!(self.phase(tx.machine), Some(Phase::OnePhase | Phase::Inquiring)) {
                    evidence(out);
                }
            }
            At::Committed
            | At::CommittedAlone
            | At::RolledBack
            | At::OperatorCommitted
            | At::OperatorRolledBack => {
                if state.may_be_asked(t) {
                    evidence(out);
                }
            }
            // A session ends by itself when its client is gone or has given up on it.
            At::Open => {
                if matches!(branch.call, Call::None | Call::Inquire) {
                    out(Action::SessionEnds { t: t8, p: p8 });
                }
            }
            At::ReadOnly => {}
        }
    }

    fn of_coordinator(&self, state: &State, c: usize, out: &mut impl FnMut(Action)) {
        let coordinator = &state.coordinators[c];
        let c8 = short(c);
        if coordinator.epoch == 0 {
            // The second one may come at any time, and each as often as it has crashed.
            if state.log_epoch < MAX_FAULTS + 3 {
                out(Action::Open { c: c8 });
            }
            return;
        }
        out(Action::Crash { c: c8 });
        for t in self.transactions() {
            let tx = &state.txs[t];
            let recovery = &coordinator.recoveries[t];
            let t8 = short(t);
            if recovery.machine != NO_MACHINE {
                let asks =
                    recovery.calls[self.participants()].iter().all(|call| *call == Resolve::None);
                if asks {
                    out(Action::Consult { c: c8, t: t8, reading: LogReading::Truth });
                    out(Action::Consult { c: c8, t: t8, reading: LogReading::Unreadable });
                    if coordinator.epoch < state.log_epoch {
                        out(Action::Consult { c: c8, t: t8, reading: LogReading::Fenced });
                    }
                }
            } else if tx.machine != NOT_BEGUN {
                let prepared = self.prepared(state, t);
                for found in 0..=prepared {
                    if found & !prepared == 0 && (found != 0 || tx.log == Log::Decided) {
                        out(Action::Suspect { c: c8, t: t8, found });
                    }
                }
            }
        }
    }
}

const fn as_stray(call: Call) -> Option<Stray> {
    super::participant::stray(call)
}

/// A request arrives; the participant may have a choice, and a copy may follow.
fn arrivals(t: u8, p: u8, from: From, at: At, kind: Option<Stray>, out: &mut impl FnMut(Action)) {
    let choices: &[Choice] = match kind {
        Some(Stray::Prepare) if at == At::Open => &[Choice::Yes, Choice::ReadOnly, Choice::No],
        Some(Stray::OnePhase) if at == At::Open => &[Choice::Yes, Choice::No],
        Some(
            Stray::Prepare | Stray::OnePhase | Stray::Commit | Stray::Abort | Stray::AbortByGid,
        )
        | None => &[Choice::None],
    };
    for choice in choices {
        for twice in [false, true] {
            out(Action::Arrive { t, p, from, choice: *choice, twice });
        }
    }
}

/// Whether some request beside the transaction machine's is on its way to the branch.
fn others(state: &State, t: usize, p: usize) -> bool {
    state.txs[t].branches[p].strays != 0
        || state.coordinators.iter().any(|one| one.recoveries[t].calls[p].asked())
}
