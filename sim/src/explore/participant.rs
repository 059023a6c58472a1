//! A participant: how a branch answers, what survives a crash, and the calls made to it.
//!
//! As the simulator's participant does. A request that has to be written is served in one step:
//! whoever comes while it is being written is refused ([`Step::refuse`]), or could as well have
//! come before.

use indoubt::protocol::{Ballot, Decision, Ending, Input, OnePhase, RecoveryInput};

use super::claim::Sometimes;
use super::machines::branch;
use super::rules::Rules;
use super::state::{At, Branch, Call, NOT_BEGUN, Resolve, Told};
use super::step::Step;
use crate::story::{Choice, From, Stray};

/// What becomes of a call's request when nobody waits for it any more. An inquiry changes
/// nothing, so nothing becomes of it.
pub(super) const fn stray(call: Call) -> Option<Stray> {
    match call {
        Call::Prepare => Some(Stray::Prepare),
        Call::OnePhase => Some(Stray::OnePhase),
        Call::Commit => Some(Stray::Commit),
        Call::Abort => Some(Stray::Abort),
        Call::None
        | Call::Inquire
        | Call::Yes
        | Call::ReadOnly
        | Call::No
        | Call::OneCommitted
        | Call::OneRolledBack
        | Call::AsDecided
        | Call::Heuristic
        | Call::Untold => None,
    }
}

/// The same of recovery's.
pub(super) const fn stray_resolve(call: Resolve) -> Option<Stray> {
    match call {
        Resolve::Commit | Resolve::Recommit => Some(Stray::Commit),
        Resolve::Abort => Some(Stray::AbortByGid),
        Resolve::None | Resolve::AsDecided | Resolve::Heuristic | Resolve::Untold => None,
    }
}

impl<R: Rules> Step<'_, R> {
    /// A request reaches its participant.
    pub(super) fn arrive(&mut self, t: usize, p: usize, from: From, choice: Choice, twice: bool) {
        match from {
            From::Transaction => {
                let call = self.state.txs[t].branches[p].call;
                if twice && let Some(copy) = stray(call) {
                    self.state.txs[t].branches[p].strays |= copy.bit();
                }
                if let Some(reply) = self.serve_call(t, p, call, choice) {
                    self.state.txs[t].branches[p].call = reply;
                } else {
                    self.refuse(t, p, from);
                }
            }
            From::Recovery(c) => {
                let call = self.state.coordinators[usize::from(c)].recoveries[t].calls[p];
                if twice && let Some(copy) = stray_resolve(call) {
                    self.state.txs[t].branches[p].strays |= copy.bit();
                }
                let before = self.state.txs[t].branches[p].at;
                let ending = match call {
                    Resolve::Abort => self.abort(t, p, None),
                    Resolve::Commit => self.commit(t, p, self.known(t, p)),
                    _ => match self.commit(t, p, None) {
                        Ending::Untold => Ending::AsDecided,
                        told => told,
                    },
                };
                if before == At::Prepared {
                    self.reaches(match self.state.txs[t].branches[p].at {
                        At::Committed => Sometimes::CommitByRecovery,
                        _ => Sometimes::AbortByRecovery,
                    });
                }
                self.state.coordinators[usize::from(c)].recoveries[t].calls[p] = match ending {
                    Ending::AsDecided | Ending::Earlier => Resolve::AsDecided,
                    Ending::Heuristic => Resolve::Heuristic,
                    Ending::Untold => Resolve::Untold,
                };
            }
            From::Nobody(kind) => {
                let branch = &mut self.state.txs[t].branches[p];
                if !twice {
                    branch.strays &= !kind.bit();
                }
                if matches!(branch.at, At::Committed | At::RolledBack) {
                    self.reaches(Sometimes::DuplicateAfterEnd);
                }
                let reply = match kind {
                    Stray::Prepare => self.serve_call(t, p, Call::Prepare, choice),
                    Stray::OnePhase => self.serve_call(t, p, Call::OnePhase, choice),
                    Stray::Commit => self.serve_call(t, p, Call::Commit, choice),
                    Stray::Abort => self.serve_call(t, p, Call::Abort, choice),
                    Stray::AbortByGid => {
                        if self.state.txs[t].branches[p].at == At::Prepared {
                            self.reaches(Sometimes::AbortByRecovery);
                        }
                        let _nobody_waits = self.abort(t, p, None);
                        None
                    }
                };
                // The reply to a copy can overtake the reply to the request itself.
                let call = &mut self.state.txs[t].branches[p].call;
                if kind == Stray::Prepare
                    && call.votes()
                    && let Some(reply) = reply
                {
                    *call = reply;
                }
            }
        }
    }

    /// The reply to a transaction machine's call, or a refusal.
    fn serve_call(&mut self, t: usize, p: usize, call: Call, choice: Choice) -> Option<Call> {
        let at = self.state.txs[t].branches[p].at;
        let ending = match (call, at) {
            (Call::Prepare, At::Open) => {
                let taken = self.by_gid(t, p) != t;
                return Some(self.vote(t, p, if taken { Choice::No } else { choice }));
            }
            (Call::Prepare, At::Prepared) => return Some(Call::Yes),
            (Call::Prepare, _) => return Some(Call::No),
            (Call::OnePhase, At::Open) if choice == Choice::Yes => {
                self.state.txs[t].branches[p].at = At::CommittedAlone;
                return Some(Call::OneCommitted);
            }
            (Call::OnePhase, At::Open) => {
                self.state.txs[t].branches[p].at = At::Gone;
                return Some(Call::OneRolledBack);
            }
            (Call::OnePhase, At::CommittedAlone) => return Some(Call::OneCommitted),
            (Call::OnePhase, _) => return Some(Call::OneRolledBack),
            // Refused, or no request that has still to be served.
            (Call::Commit, At::Open)
            | (
                Call::None
                | Call::Inquire
                | Call::Yes
                | Call::ReadOnly
                | Call::No
                | Call::OneCommitted
                | Call::OneRolledBack
                | Call::AsDecided
                | Call::Heuristic
                | Call::Untold,
                _,
            ) => return None,
            (Call::Commit, _) => self.commit(t, p, self.known(t, p)),
            (Call::Abort, At::Open) => {
                if self.system.rules.abort_stops_prepare() {
                    self.state.txs[t].branches[p].at = At::Gone;
                }
                Ending::AsDecided
            }
            (Call::Abort, _) => self.abort(t, p, self.known(t, p)),
        };
        Some(match ending {
            Ending::AsDecided | Ending::Earlier => Call::AsDecided,
            Ending::Heuristic => Call::Heuristic,
            Ending::Untold => Call::Untold,
        })
    }

    fn vote(&mut self, t: usize, p: usize, choice: Choice) -> Call {
        let tx = &mut self.state.txs[t];
        let (at, reply) = match choice {
            Choice::Yes => (At::Prepared, Call::Yes),
            Choice::ReadOnly => (At::ReadOnly, Call::ReadOnly),
            Choice::No | Choice::None => (At::Gone, Call::No),
        };
        tx.branches[p].at = at;
        let aborted =
            tx.told == Told::Aborted || tx.branches.iter().any(|other| other.at == At::RolledBack);
        if at == At::Prepared && aborted {
            self.reaches(Sometimes::LatePrepareAfterAbort);
        }
        reply
    }

    /// What the participant can tell of how a branch ended, to someone who has evidence.
    fn known(&self, t: usize, p: usize) -> Option<Decision> {
        let branch = &self.state.txs[t].branches[p];
        match branch.at {
            _ if branch.mute => None,
            At::Committed | At::CommittedAlone | At::OperatorCommitted => Some(Decision::Commit),
            At::RolledBack | At::OperatorRolledBack => Some(Decision::Abort),
            At::Open | At::Prepared | At::ReadOnly | At::Gone => None,
        }
    }

    fn commit(&mut self, t: usize, p: usize, known: Option<Decision>) -> Ending {
        let t = self.by_gid(t, p);
        if self.state.txs[t].branches[p].at != At::Prepared {
            return self.system.rules.gone(Decision::Commit, known);
        }
        self.state.txs[t].branches[p].at = At::Committed;
        Ending::AsDecided
    }

    fn abort(&mut self, t: usize, p: usize, known: Option<Decision>) -> Ending {
        let t = self.by_gid(t, p);
        if self.state.txs[t].branches[p].at != At::Prepared {
            return self.system.rules.gone(Decision::Abort, known);
        }
        self.state.txs[t].branches[p].at = At::RolledBack;
        Ending::AsDecided
    }

    /// The transaction whose branch goes by this one's gid.
    fn by_gid(&self, t: usize, p: usize) -> usize {
        let prepared = |t: usize| self.state.txs[t].branches[p].at == At::Prepared;
        match self.twin(t) {
            Some(twin) if !prepared(t) && prepared(twin) => twin,
            _ => t,
        }
    }

    /// The request has no effect, because another one is at work on the branch or because it was
    /// not even sent, and whoever waits for it hears so at once.
    pub(super) fn refuse(&mut self, t: usize, p: usize, from: From) {
        match from {
            From::Transaction => {
                self.state.txs[t].branches[p].call = Call::None;
                self.give(t, Input::FinishLost(branch(p)));
            }
            From::Recovery(c) => {
                let c = usize::from(c);
                self.state.coordinators[c].recoveries[t].calls[p] = Resolve::None;
                self.tell(c, t, RecoveryInput::FinishLost(branch(p)));
            }
            From::Nobody(_) => {}
        }
    }

    /// A reply reaches its coordinator.
    pub(super) fn reply(&mut self, t: usize, p: usize, from: From) {
        let From::Recovery(c) = from else { return self.reply_to_transaction(t, p) };
        let c = usize::from(c);
        let call = std::mem::take(&mut self.state.coordinators[c].recoveries[t].calls[p]);
        let ending = match call {
            Resolve::Heuristic => Ending::Heuristic,
            Resolve::Untold => Ending::Untold,
            Resolve::AsDecided
            | Resolve::None
            | Resolve::Commit
            | Resolve::Recommit
            | Resolve::Abort => Ending::AsDecided,
        };
        self.report(t, p, ending);
        self.tell(c, t, RecoveryInput::Finished(branch(p), ending));
    }

    fn reply_to_transaction(&mut self, t: usize, p: usize) {
        let Branch { at, mute, .. } = self.state.txs[t].branches[p];
        let call = std::mem::take(&mut self.state.txs[t].branches[p].call);
        let vote = |ballot| Input::Voted(branch(p), ballot);
        match call {
            Call::Yes => self.give(t, vote(Ballot::Yes)),
            Call::ReadOnly => self.give(t, vote(Ballot::ReadOnly)),
            Call::No => self.give(t, vote(Ballot::No)),
            Call::OneCommitted => self.give(t, Input::OnePhased(OnePhase::Committed)),
            Call::OneRolledBack => self.give(t, Input::OnePhased(OnePhase::RolledBack)),
            // An inquiry is asked and answered at once: it changes nothing where it is asked.
            Call::Inquire => self.give(
                t,
                Input::OnePhased(match at {
                    At::Open => OnePhase::Unknown,
                    _ if mute => OnePhase::Untold,
                    At::CommittedAlone => OnePhase::Committed,
                    At::Prepared
                    | At::Committed
                    | At::RolledBack
                    | At::ReadOnly
                    | At::Gone
                    | At::OperatorCommitted
                    | At::OperatorRolledBack => OnePhase::RolledBack,
                }),
            ),
            Call::AsDecided => self.finished(t, p, Ending::AsDecided),
            Call::Heuristic => self.finished(t, p, Ending::Heuristic),
            Call::Untold => self.finished(t, p, Ending::Untold),
            Call::None | Call::Prepare | Call::OnePhase | Call::Commit | Call::Abort => {}
        }
    }

    /// A call has taken too long: its request, or its reply, may still be on its way.
    pub(super) fn give_up(&mut self, t: usize, p: usize, from: From) {
        if let From::Recovery(c) = from {
            let c = usize::from(c);
            self.abandon_resolve(c, t, p);
            return self.tell(c, t, RecoveryInput::FinishLost(branch(p)));
        }
        let branch_state = self.state.txs[t].branches[p];
        self.call(t, p, Call::None);
        let lost = match branch_state.call {
            Call::Prepare | Call::Yes | Call::ReadOnly | Call::No => Input::VoteLost(branch(p)),
            Call::OnePhase | Call::OneCommitted | Call::OneRolledBack | Call::Inquire => {
                if branch_state.at == At::CommittedAlone {
                    self.reaches(Sometimes::OnePhaseUnheard);
                }
                Input::OnePhased(OnePhase::Unknown)
            }
            Call::None
            | Call::Commit
            | Call::Abort
            | Call::AsDecided
            | Call::Heuristic
            | Call::Untold => Input::FinishLost(branch(p)),
        };
        self.give(t, lost);
    }

    /// Sessions end with the participant; what is prepared does not.
    pub(super) fn crash_participant(&mut self, p: usize) {
        for t in self.system.transactions() {
            // A transaction that nobody has begun has no session yet.
            if self.state.txs[t].machine == NOT_BEGUN {
                continue;
            }
            let branch = &mut self.state.txs[t].branches[p];
            let lost = branch.at == At::Open
                || branch.at == At::Prepared && !self.system.rules.prepare_is_durable();
            if lost {
                branch.at = At::Gone;
            }
            if branch.at == At::Committed && !self.system.rules.commit_is_durable() {
                branch.at = At::Prepared;
            }
        }
    }
}
