//! What a coordinator asks and hears, and what participants do, in a history that is followed.

use super::candidate::Candidate;
use super::follow::{T, Thread};
use super::log::directs;
use crate::explore::state::{At, Branch, Call, NO_MACHINE, Resolve};
use crate::history::{Ask, Heard, VoteKind};
use crate::story::{Action, Choice, From, Stray};

impl Thread<'_> {
    /// A request is sent: the machine wants it sent. In the explorer it may have arrived
    /// already, as when its session has run out before.
    pub(super) fn asked(&self, at: &Candidate, p: u8, c: u8, ask: Ask) -> Vec<Candidate> {
        if ask.by_recovery() {
            let calls = call_of_recovery(at, p, c);
            let wanted = match ask {
                Ask::RecoverAbort => matches!(calls, Resolve::Abort | Resolve::AsDecided),
                _ => !matches!(calls, Resolve::None | Resolve::Abort),
            };
            // A sweep whose list is old asks for what has ended; it cannot ask anything else.
            let late = is_over(branch(at, p)) && directs(at, ask == Ask::RecoverCommit);
            let allowed = wanted || late;
            return at.kept(allowed);
        }
        if matches!(ask, Ask::Prepare | Ask::OnePhase) && !self.asked {
            return Vec::new();
        }
        let inquires = ask == Ask::Inquire && branch(at, p).call != Call::Inquire;
        let retried = if inquires { at.after(self.system, [Action::Retry { t: T }]) } else { None };
        let at = retried.as_ref().unwrap_or(at);
        let wanted = matches!(
            (ask, branch(at, p).call),
            (Ask::Prepare, Call::Prepare | Call::Yes | Call::ReadOnly | Call::No)
                | (Ask::OnePhase, Call::OnePhase | Call::OneCommitted | Call::OneRolledBack)
                | (Ask::Inquire, Call::Inquire)
                | (Ask::Commit, Call::Commit)
                | (Ask::Abort, Call::Abort)
                | (Ask::Commit | Ask::Abort, Call::AsDecided | Call::Heuristic | Call::Untold)
        );
        at.kept(wanted)
    }

    /// A reply comes.
    pub(super) fn heard(
        &self,
        at: &Candidate,
        p: u8,
        c: u8,
        ask: Ask,
        heard: Heard,
    ) -> Vec<Candidate> {
        let from = if ask.by_recovery() { From::Recovery(c) } else { From::Transaction };
        if ask.by_recovery() && call_of_recovery(at, p, c) == Resolve::None {
            return heard_too_late(at, p, heard);
        }
        // That it was not known when the inquiry came says no more than no answer.
        if matches!(heard, Heard::Lost | Heard::Unknown) {
            let lost = [Action::Refuse { t: T, p, from }, Action::GiveUp { t: T, p, from }];
            return lost.into_iter().filter_map(|one| at.after(self.system, [one])).collect();
        }
        let quietly = [Choice::None, Choice::Yes].into_iter().filter_map(|choice| {
            let arrive = Action::Arrive { t: T, p, from, choice, twice: true };
            at.after(self.system, [arrive])
                .filter(|after| is_quiet(branch(at, p), branch(after, p)))
        });
        let copy = Action::Arrive {
            t: T,
            p,
            from: From::Nobody(Stray::Prepare),
            choice: Choice::None,
            twice: true,
        };
        let copy = at.after(self.system, [copy]).filter(|_| ask == Ask::Prepare);
        // Whoever has not sent the request yet ends the session instead, and says so.
        let ends = at.after(self.system, [Action::SessionEnds { t: T, p }]);
        let ends = ends.filter(|_| ask == Ask::Inquire);
        let served = quietly.chain(copy).chain(ends).chain([at.clone()]);
        let answers = |candidate: &Candidate| match from {
            From::Recovery(c) => told_recovery(call_of_recovery(candidate, p, c), ask, heard),
            _ => tells(branch(candidate, p)) == Some(heard),
        };
        served
            .filter(answers)
            .filter_map(|one| one.after(self.system, [Action::Reply { t: T, p, from }]))
            .collect()
    }

    /// A coordinator stops waiting. With its machine done nobody waits any more.
    pub(super) fn gave_up(&self, at: &Candidate, p: u8, c: u8, ask: Ask) -> Vec<Candidate> {
        let (from, waits) = if ask.by_recovery() {
            (From::Recovery(c), call_of_recovery(at, p, c) != Resolve::None)
        } else {
            (From::Transaction, branch(at, p).call != Call::None)
        };
        if waits {
            return at.after(self.system, [Action::GiveUp { t: T, p, from }]).into_iter().collect();
        }
        let over = match from {
            From::Recovery(_) => is_over(branch(at, p)),
            _ => at.state.txs[0].machine == NO_MACHINE,
        };
        at.kept(over)
    }

    /// A branch votes.
    pub(super) fn voted(&self, at: &Candidate, p: u8, vote: VoteKind) -> Vec<Candidate> {
        let (choice, becomes) = match vote {
            VoteKind::Yes => (Choice::Yes, At::Prepared),
            VoteKind::ReadOnly => (Choice::ReadOnly, At::ReadOnly),
            // The only branch can be voted down as well.
            VoteKind::No => (Choice::No, At::Gone),
        };
        let from = [From::Transaction, From::Nobody(Stray::Prepare), From::Nobody(Stray::OnePhase)];
        let mut votes = self.becomes(at, p, becomes, from.map(|from| (from, choice)));
        // Of a branch that is gone whoever stands for it can say so without asking.
        votes.extend(at.kept(vote == VoteKind::No && branch(at, p).at == At::Gone));
        votes
    }

    /// A branch ends durably.
    pub(super) fn ended(
        &self,
        at: &Candidate,
        p: u8,
        committed: bool,
        one_phase: bool,
        by_recovery: bool,
    ) -> Vec<Candidate> {
        let becomes = match (committed, one_phase) {
            (true, true) => At::CommittedAlone,
            (true, false) => At::Committed,
            (false, _) => At::RolledBack,
        };
        let choice = if one_phase { Choice::Yes } else { Choice::None };
        let mut from = if by_recovery {
            vec![From::Recovery(0), From::Recovery(1), From::Nobody(Stray::AbortByGid)]
        } else {
            vec![From::Transaction, From::Nobody(Stray::Abort), From::Nobody(Stray::OnePhase)]
        };
        from.push(From::Nobody(Stray::Commit));
        self.becomes(at, p, becomes, from.into_iter().map(|from| (from, choice)))
    }

    /// An operator ends a prepared branch.
    pub(super) fn ended_by_operator(&self, at: &Candidate, p: u8, commit: bool) -> Vec<Candidate> {
        let becomes = if commit { At::OperatorCommitted } else { At::OperatorRolledBack };
        let early = seen_early(at, p, becomes);
        let now = at.after(self.system, [Action::Operator { t: T, p, commit }]);
        early.into_iter().chain(now).collect()
    }

    /// A branch becomes this by the arrival of one of these requests, or has before.
    fn becomes(
        &self,
        at: &Candidate,
        p: u8,
        becomes: At,
        from: impl IntoIterator<Item = (From, Choice)>,
    ) -> Vec<Candidate> {
        let arrive = from.into_iter().filter_map(|(from, choice)| {
            let arrive = Action::Arrive { t: T, p, from, choice, twice: true };
            let changes = branch(at, p).at != becomes;
            at.after(self.system, [arrive])
                .filter(|after| changes && branch(after, p).at == becomes)
        });
        seen_early(at, p, becomes).into_iter().chain(arrive).collect()
    }
}

/// A sweep whose list is old asks for what has ended long ago, and hears just that. The
/// explorer leaves such requests out.
fn heard_too_late(at: &Candidate, p: u8, heard: Heard) -> Vec<Candidate> {
    let harmless = matches!(heard, Heard::AsDecided | Heard::Untold | Heard::Lost);
    at.kept(harmless && is_over(branch(at, p)))
}

fn branch(at: &Candidate, p: u8) -> Branch {
    at.state.txs[0].branches[usize::from(p)]
}

fn call_of_recovery(at: &Candidate, p: u8, c: u8) -> Resolve {
    at.state.coordinators[usize::from(c)].recoveries[0].calls[usize::from(p)]
}

/// The history now tells what was durable before.
fn seen_early(at: &Candidate, p: u8, was: At) -> Option<Candidate> {
    let early = at.early & 1 << p != 0 && branch(at, p).at == was;
    early.then(|| at.clone().seen(p))
}

/// Whether a branch has ended, so that no request changes it.
const fn is_over(branch: Branch) -> bool {
    !matches!(branch.at, At::Open | At::Prepared)
}

/// Whether a request's arrival is none that the history tells of: it changed nothing, or ended
/// what lived only in a session.
fn is_quiet(before: Branch, after: Branch) -> bool {
    before.at == after.at
        || before.at == At::Open
            && match before.call {
                Call::Abort => after.at == At::Gone,
                // Nothing was written there, so there was nothing to make durable.
                Call::OnePhase => after.at == At::CommittedAlone,
                _ => false,
            }
}

/// What a call's reply says, or what an inquiry would be told now.
const fn tells(branch: Branch) -> Option<Heard> {
    Some(match (branch.call, branch.at) {
        (Call::Yes, _) => Heard::Yes,
        (Call::ReadOnly, _) => Heard::ReadOnly,
        (Call::No, _) => Heard::No,
        (Call::Inquire, At::Open) => return None,
        (Call::Inquire, _) if branch.mute => Heard::Untold,
        (Call::OneCommitted, _) | (Call::Inquire, At::CommittedAlone) => Heard::Committed,
        (Call::OneRolledBack | Call::Inquire, _) => Heard::RolledBack,
        (Call::AsDecided, _) => Heard::AsDecided,
        (Call::Heuristic, _) => Heard::Heuristic,
        (Call::Untold, _) => Heard::Untold,
        (Call::None | Call::Prepare | Call::OnePhase | Call::Commit | Call::Abort, _) => {
            return None;
        }
    })
}

/// Whether recovery's reply is what was heard. Of a commit that was acknowledged before, the
/// driver takes "gone" for an acknowledgement.
const fn told_recovery(reply: Resolve, ask: Ask, heard: Heard) -> bool {
    match (reply, heard) {
        (Resolve::AsDecided, Heard::AsDecided)
        | (Resolve::Heuristic, Heard::Heuristic)
        | (Resolve::Untold, Heard::Untold) => true,
        (Resolve::AsDecided, Heard::Untold) => matches!(ask, Ask::RecoverCommit),
        _ => false,
    }
}
