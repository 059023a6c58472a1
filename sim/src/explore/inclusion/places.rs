//! Processes that end and openings of the log, in a history that is followed.

use super::candidate::Candidate;
use super::follow::{Scene, T, Thread};
use crate::explore::state::{At, Call, Force, Log};
use crate::story::{Action, Choice, From, Stray};

impl Thread<'_> {
    /// A participant loses power. What it was writing may be on its disk already; the history
    /// tells when it has read that again. And it may have answered that it has only read, which the
    /// history tells when that is heard.
    pub(super) fn crashed(&self, at: &Candidate, p: u8) -> Vec<Candidate> {
        let mut before = vec![at.clone()];
        let durable = |action: Action| {
            let after = at.after(self.system, [action])?;
            let outcome =
                |candidate: &Candidate| candidate.state.txs[0].branches[usize::from(p)].at;
            let lasts = !matches!(outcome(&after), At::Open | At::Gone);
            (lasts && outcome(&after) != outcome(at)).then(|| after.early(p))
        };
        before.extend(arrivals(p).filter_map(durable));
        let by_hand = [true, false].map(|commit| Action::Operator { t: T, p, commit });
        before.extend(by_hand.into_iter().filter_map(durable));
        let crash = Action::CrashParticipant { p };
        // Where nothing is volatile a crash is no step.
        before
            .into_iter()
            .map(|candidate| candidate.after(self.system, [crash]).unwrap_or(candidate))
            .collect()
    }

    /// A participant loses the evidence of how the branch ended, if it has. Where nobody would ask
    /// for it that is no step. Requests that came before have been answered by it.
    pub(super) fn forgot(&self, at: &Candidate, p: u8) -> Vec<Candidate> {
        let outcome = |candidate: &Candidate| candidate.state.txs[0].branches[usize::from(p)].at;
        let mut before = vec![at.clone()];
        for from in [From::Transaction, From::Recovery(0), From::Recovery(1)] {
            let arrive = Action::Arrive { t: T, p, from, choice: Choice::None, twice: true };
            let answered = before.iter().filter_map(|one| one.after(self.system, [arrive]));
            let answered: Vec<_> = answered.filter(|one| outcome(one) == outcome(at)).collect();
            before.extend(answered);
        }
        let loses = Action::LoseEvidence { t: T, p };
        let lost = before.iter().filter_map(|one| one.after(self.system, [loses]));
        // Of a branch that never voted there is nothing to lose: that it is gone says enough.
        let kept = |one: &&Candidate| {
            outcome(one) == At::Gone || one.after(self.system, [loses]).is_none()
        };
        lost.chain(before.iter().filter(kept).cloned()).collect()
    }

    /// A coordinator's process ends. If it was about to open the log it may have taken an epoch.
    pub(super) fn died(&self, at: &Candidate, c: u8, scene: &Scene) -> Vec<Candidate> {
        let ends = |one: &Candidate| one.after(self.system, [Action::Crash { c }]);
        if at.state.coordinators[usize::from(c)].epoch != 0 {
            return ends(at).into_iter().collect();
        }
        let opened = if scene.cut_short[usize::from(c)] { self.opens(at, c) } else { Vec::new() };
        opened.iter().filter_map(ends).chain([at.clone()]).collect()
    }

    /// A coordinator has opened the log and found the transaction unfinished, or not.
    pub(super) fn opened(&self, at: &Candidate, c: u8, unfinished: bool) -> Vec<Candidate> {
        let earlier = at.state.coordinators[usize::from(c)].epoch != 0;
        let mut opened = self.opens(at, c);
        if earlier {
            // It took its epoch before, or took another one that came to nothing.
            opened.push(at.clone());
            if let Some(failed) = at.after(self.system, [Action::Crash { c }]) {
                opened.extend(self.opens(&failed, c));
            }
        }
        opened.retain(|candidate| (candidate.state.txs[0].log == Log::Decided) == unfinished);
        opened
    }

    /// A coordinator takes an epoch. What was on its way to the log may have been written
    /// before, or may never be.
    fn opens(&self, at: &Candidate, c: u8) -> Vec<Candidate> {
        let tx = &at.state.txs[0];
        let written = match tx.log {
            Log::Forgetting | Log::Noted => Some(Action::NoteForgotten { t: T }),
            _ if tx.force != Force::None => Some(Action::Land { t: T }),
            _ => None,
        };
        let written = written.and_then(|action| at.after(self.system, [action]));
        let before = written.into_iter().chain([at.clone()]);
        before.filter_map(|one| one.after(self.system, [Action::Open { c }])).collect()
    }

    /// The coordinator of the transaction has been succeeded, by one that has opened the log or
    /// by one that is about to have.
    pub(super) fn succeeded(&self, at: &Candidate, epoch: u8, scene: &Scene) -> Vec<Candidate> {
        if epoch < at.state.log_epoch {
            return vec![at.clone()];
        }
        let opening = (0_u8..).zip(scene.opening).filter(|(_, opening)| *opening);
        opening.flat_map(|(c, _)| self.opens(at, c)).collect()
    }

    /// A session ran out. With a request on its way to it that is as if the request had come
    /// and been refused; and it can have been another one, of a request to begin that came twice.
    pub(super) fn expired(&self, at: &Candidate, p: u8) -> Vec<Candidate> {
        let from = From::Transaction;
        let ends = match at.state.txs[0].branches[usize::from(p)].call {
            Call::None | Call::Inquire => Action::SessionEnds { t: T, p },
            Call::Prepare | Call::OnePhase => {
                Action::Arrive { t: T, p, from, choice: Choice::No, twice: true }
            }
            _ => Action::Arrive { t: T, p, from, choice: Choice::None, twice: true },
        };
        at.after(self.system, [ends]).into_iter().chain([at.clone()]).collect()
    }
}

/// Every request that can reach a participant and be written there.
fn arrivals(p: u8) -> impl Iterator<Item = Action> {
    let strays = Stray::ALL.map(From::Nobody);
    let recoveries = [0, 1].map(From::Recovery);
    let from = strays.into_iter().chain(recoveries).chain([From::Transaction]);
    from.flat_map(move |from| {
        let twice = true;
        [Choice::None, Choice::Yes, Choice::ReadOnly].map(|choice| Action::Arrive {
            t: T,
            p,
            from,
            choice,
            twice,
        })
    })
}
