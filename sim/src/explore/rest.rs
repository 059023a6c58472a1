//! What undisturbed recovery makes of a state in which nothing else is going on.
//!
//! Call a state still when no machine runs and no request is on its way. From every state one
//! is reached by ordinary actions alone, since whatever is waited for can arrive or be given up
//! on. From every still state the sweeps of one coordinator, with nothing failing, must bring
//! everything to its end: that is termination, and that nothing is left then is `no_orphans`.

use super::judge::first_broken;
use super::rules::Rules;
use super::state::{At, Call, Force, Log, NO_MACHINE, NOT_BEGUN, Recovery, Resolve, State};
use super::system::System;
use crate::invariants::{Invariant, Known, Left};
use crate::story::{Action, Choice, From, LogReading, Stray};

/// One sweep can meet what a sweep before it set in motion; nothing is, so two are plenty.
const SWEEPS: usize = 2;

impl<R: Rules> System<R> {
    /// Whether no machine runs and no request is on its way.
    pub(super) fn is_still(&self, state: &State) -> bool {
        let idle = |t: usize| {
            let tx = &state.txs[t];
            let idle = |p: usize| tx.branches[p].call == Call::None && tx.branches[p].strays == 0;
            (tx.machine == NO_MACHINE || tx.machine == NOT_BEGUN)
                && tx.force == Force::None
                && self.participants().all(idle)
        };
        let calm = |c: usize| {
            state.coordinators[c].recoveries.iter().all(|one| *one == Recovery::default())
        };
        self.transactions().all(idle) && self.coordinators().all(calm)
    }

    /// The invariant that is broken when undisturbed recovery has done all it can, and what it
    /// did until then.
    pub fn settle(&self, state: &State) -> (Option<Invariant>, Vec<Action>) {
        let mut settling = Settling { system: self, state: *state, broken: None, did: Vec::new() };
        settling.sweep();
        let broken = settling.broken.or_else(|| self.unsettled(&settling.state));
        (broken, settling.did)
    }

    fn unsettled(&self, state: &State) -> Option<Invariant> {
        self.transactions().find_map(|t| self.left_by(state, t))
    }

    /// What a transaction breaks to which nothing more will happen.
    pub(super) fn left_by(&self, state: &State, t: usize) -> Option<Invariant> {
        if state.txs[t].machine == NOT_BEGUN {
            return None;
        }
        first_broken(&self.known_at_rest(state, t))
    }

    /// What is known of a transaction to which nothing more will happen.
    ///
    /// A client without an answer was told nothing. And nobody who asks by gid is left in doubt:
    /// a coordinator that does not drive a transaction says of it what the log says.
    pub(super) fn known_at_rest(&self, state: &State, t: usize) -> Known {
        let known = self.known(state, t);
        let branches = known.enlisted & !known.outcomes.ended();
        let owed = state.txs[t].log == Log::Decided;
        let left = Left { branches, owed, ..Left::default() };
        Known { left, at_rest: true, ..known }
    }
}

struct Settling<'a, R: Rules> {
    system: &'a System<R>,
    state: State,
    broken: Option<Invariant>,
    did: Vec<Action>,
}

const fn short(index: usize) -> u8 {
    index as u8
}

impl<R: Rules> Settling<'_, R> {
    fn act(&mut self, action: Action) {
        let after = self.system.after(&self.state, action);
        self.state = after.state;
        self.broken = self.broken.or(after.broken);
        self.did.push(action);
    }

    fn sweep(&mut self) {
        for t in self.system.transactions() {
            for p in self.system.participants() {
                let tx = &self.state.txs[t];
                if tx.machine != NOT_BEGUN && tx.branches[p].at == At::Open {
                    self.act(Action::SessionEnds { t: short(t), p: short(p) });
                }
            }
        }
        let Some(c) = self.coordinator() else { return };
        for _ in 0..SWEEPS {
            for t in self.system.transactions() {
                self.recover(c, t);
            }
        }
    }

    /// The coordinator whose opening is the latest: it is up, or one opens the log.
    fn coordinator(&mut self) -> Option<usize> {
        let latest = |state: &State, c: usize| state.coordinators[c].epoch == state.log_epoch;
        if let Some(c) = self.system.coordinators().find(|c| latest(&self.state, *c)) {
            return Some(c);
        }
        let c = self.system.coordinators().find(|c| self.state.coordinators[*c].epoch == 0)?;
        self.act(Action::Open { c: short(c) });
        Some(c)
    }

    fn recover(&mut self, c: usize, t: usize) {
        let tx = &self.state.txs[t];
        let found = self.system.prepared(&self.state, t);
        if tx.machine == NOT_BEGUN || found == 0 && tx.log != Log::Decided {
            return;
        }
        let (t8, c8) = (short(t), short(c));
        self.act(Action::Suspect { c: c8, t: t8, found });
        if self.state.coordinators[c].recoveries[t].machine == NO_MACHINE {
            return;
        }
        self.act(Action::Consult { c: c8, t: t8, reading: LogReading::Truth });
        for p in self.system.participants() {
            for stray in Stray::ALL {
                if self.state.txs[t].branches[p].strays & stray.bit() != 0 {
                    let (p, from) = (short(p), From::Nobody(stray));
                    self.act(Action::Arrive { t: t8, p, from, choice: Choice::None, twice: false });
                }
            }
            if self.state.coordinators[c].recoveries[t].calls[p] == Resolve::None {
                continue;
            }
            let (p, from) = (short(p), From::Recovery(c8));
            self.act(Action::Arrive { t: t8, p, from, choice: Choice::None, twice: false });
            self.act(Action::Reply { t: t8, p, from });
        }
    }
}
