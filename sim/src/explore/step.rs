//! One step of the system: an action is taken, a machine is given its input, and what the
//! machine wants done is done.
//!
//! Two simplifications, both without loss. A machine's requests are sent in the step that
//! wants them: they can be delivered, lost and given up on at any later time. And the client is
//! answered in the step that ends the transaction: a client that gets no answer is told nothing,
//! so nothing is claimed of it.

use indoubt::protocol::{
    Answer, BranchSet, Decision, Effect, Ending, ForceFailure, InLog, Input, LogFailure, Obstacle,
    Timer,
};

use super::claim::{Reached, Sometimes};
use super::machines::{bits, branch, transaction_input};
use super::rules::Rules;
use super::state::{At, Call, Force, Log, NO_MACHINE, Stage, State, Timers, Told, Wait};
use super::system::{After, System};
use crate::invariants::{self, Invariant};
use crate::story::{Action, LogReading, Refusal};

/// A step that is being taken.
pub(super) struct Step<'a, R: Rules> {
    pub(super) system: &'a System<R>,
    pub(super) state: State,
    before: State,
    /// The answer that a client gets in this step, and of which transaction.
    answered: Option<(usize, invariants::Answered)>,
    broken: Option<Invariant>,
    reached: Reached,
}

impl<'a, R: Rules> Step<'a, R> {
    pub(super) fn new(system: &'a System<R>, state: State) -> Self {
        let reached = Reached::default();
        Self { system, state, before: state, answered: None, broken: None, reached }
    }

    pub(super) fn end(mut self) -> After {
        if self.broken.is_none() {
            self.broken = self.system.judge(&self.before, &self.state, self.answered);
        }
        if self.broken.is_none() && self.system.reduced {
            self.tidy();
        }
        After { state: self.state, broken: self.broken, reached: self.reached }
    }

    /// The first invariant that breaks names the step.
    pub(super) fn breaks(&mut self, invariant: Invariant) {
        self.broken.get_or_insert(invariant);
    }

    pub(super) fn reaches(&mut self, what: Sometimes) {
        self.reached.add(what);
    }

    pub(super) fn take(&mut self, action: Action) {
        self.state.budget -= action.cost();
        let index = usize::from;
        match action {
            Action::Begin { t, c, commit } => {
                let wish = if commit { Input::Commit } else { Input::Rollback };
                self.begin(index(t), index(c), wish);
            }
            Action::RefuseCommit { t, c, refusal } => {
                self.refuse_commit(index(t), index(c), refusal);
            }
            Action::Arrive { t, p, from, choice, twice } => {
                self.arrive(index(t), index(p), from, choice, twice);
            }
            Action::Refuse { t, p, from } => self.refuse(index(t), index(p), from),
            Action::Reply { t, p, from } => self.reply(index(t), index(p), from),
            Action::GiveUp { t, p, from } => self.give_up(index(t), index(p), from),
            Action::Lose { t, p, stray } => {
                self.state.txs[index(t)].branches[index(p)].strays &= !stray.bit();
            }
            Action::Land { t } => self.land(index(t)),
            Action::ForceReturns { t } => self.force_returns(index(t)),
            Action::ForceFails { t } => self.force_fails(index(t)),
            Action::ForceFenced { t } => {
                self.state.txs[index(t)].force = Force::None;
                self.reaches(Sometimes::FencedForce);
                self.give(index(t), Input::Forced(Err(ForceFailure::Fenced)));
            }
            Action::Read { t, reading } => self.read(index(t), reading),
            Action::Retry { t } => {
                self.state.txs[index(t)].wait = Wait::Nothing;
                self.give(index(t), Input::Retry);
            }
            Action::ForceOverdue { t } => self.overdue(index(t), Timer::Force),
            Action::AcknowledgeOverdue { t } => self.overdue(index(t), Timer::Acknowledge),
            Action::Suspect { c, t, found } => self.suspect(index(c), index(t), found),
            Action::Consult { c, t, reading } => self.consult(index(c), index(t), reading),
            Action::NoteForgotten { t } => self.note_forgotten(index(t)),
            Action::ForgetLost { t } => self.forget_lost(index(t)),
            Action::Expire { t } => self.state.txs[index(t)].log = Log::Expired,
            Action::Open { c } => self.open(index(c)),
            Action::Crash { c } => self.crash(index(c)),
            Action::CrashParticipant { p } => self.crash_participant(index(p)),
            Action::Operator { t, p, commit } => {
                let by_hand = if commit { At::OperatorCommitted } else { At::OperatorRolledBack };
                self.state.txs[index(t)].branches[index(p)].at = by_hand;
            }
            Action::SessionEnds { t, p } => {
                self.state.txs[index(t)].branches[index(p)].at = At::Gone;
            }
            Action::LoseEvidence { t, p } => {
                self.state.txs[index(t)].branches[index(p)].mute = true;
            }
        }
    }

    fn begin(&mut self, t: usize, c: usize, wish: Input) {
        let tx = &mut self.state.txs[t];
        tx.owner = u8::from(c != 0);
        tx.epoch = self.state.coordinators[c].epoch;
        tx.stage = Stage::Undecided;
        self.give(t, wish);
    }

    /// What is refused is begun by nobody: no branch is asked for its vote, or to commit.
    fn refuse_commit(&mut self, t: usize, c: usize, refusal: Refusal) {
        let (obstacle, respected) = match refusal {
            Refusal::Fenced => (Obstacle::Fenced, Invariant::Ownership),
            Refusal::LogBroken => (Obstacle::LogBroken, Invariant::Validity),
            Refusal::Incomplete => (Obstacle::Incomplete, Invariant::Validity),
        };
        self.reaches(Sometimes::CommitRefused);
        self.begin(t, c, Input::CommitRefused(obstacle));
        let begun =
            |p: usize| matches!(self.state.txs[t].branches[p].call, Call::Prepare | Call::OnePhase);
        if self.system.participants().any(begun) {
            self.breaks(respected);
        }
    }

    fn overdue(&mut self, t: usize, timer: Timer) {
        self.state.txs[t].timers.stop(timer);
        self.give(t, Input::Overdue(timer));
    }

    fn force_returns(&mut self, t: usize) {
        if !self.state.txs[t].log.decided() {
            self.breaks(Invariant::Durability);
        }
        self.state.txs[t].force = Force::None;
        self.give(t, Input::Forced(Ok(())));
    }

    fn force_fails(&mut self, t: usize) {
        self.abandon_force(t);
        self.give(t, Input::Forced(Err(ForceFailure::Unknown)));
    }

    /// The reading after a failed force: whatever it says, it is final.
    fn read(&mut self, t: usize, reading: LogReading) {
        let tx = &mut self.state.txs[t];
        tx.wait = Wait::Nothing;
        let answer = match reading {
            LogReading::Truth if tx.log == Log::Expired => Ok(InLog::Expired),
            LogReading::Truth => {
                if tx.epoch == self.state.log_epoch && self.system.rules.reading_is_final() {
                    tx.force = Force::None;
                }
                Ok(if self.logged(t) == Log::Absent { InLog::Nothing } else { InLog::Decision })
            }
            LogReading::Unreadable => Err(LogFailure::Unreadable),
            LogReading::Fenced => Err(LogFailure::Fenced),
        };
        self.give(t, Input::LogRead(answer));
    }

    /// Gives a transaction machine an input, and does what it wants done.
    pub(super) fn give(&mut self, t: usize, input: Input) {
        let system = self.system;
        let machine = self.state.txs[t].machine;
        if machine == NO_MACHINE {
            return;
        }
        let (next, (effects, named)) = system.transactions.step(machine, transaction_input(input));
        self.state.txs[t].machine = next;
        for effect in effects {
            // What is gone and untold may come back: then the log must still know.
            if *effect == Effect::Forget && matches!(input, Input::Finished(_, Ending::Untold)) {
                self.breaks(Invariant::SafeForgetting);
            }
            self.carry_out(t, *effect, *named);
        }
        self.state.txs[t].timers.keep(system.heeded[usize::from(next)]);
    }

    fn carry_out(&mut self, t: usize, effect: Effect, named: BranchSet) {
        match effect {
            Effect::Prepare(set) => {
                set.iter().for_each(|id| self.call(t, usize::from(id.index()), Call::Prepare));
            }
            Effect::CommitOnePhase(id) => self.call(t, usize::from(id.index()), Call::OnePhase),
            Effect::Inquire(id) => self.call(t, usize::from(id.index()), Call::Inquire),
            Effect::Finish(set, decision) => {
                let call = if decision == Decision::Commit { Call::Commit } else { Call::Abort };
                set.iter().for_each(|id| self.call(t, usize::from(id.index()), call));
            }
            Effect::Force => {
                let tx = &mut self.state.txs[t];
                tx.named = bits(named);
                tx.force = Force::Flying;
            }
            Effect::ReadLog => self.state.txs[t].wait = Wait::Read,
            Effect::StartTimer(timer) => self.state.txs[t].timers.start(timer),
            Effect::RetryLater => self.state.txs[t].wait = Wait::Retry,
            Effect::PresumeAbort => self.state.txs[t].stage = Stage::Aborting,
            Effect::Answer(answer) => self.answer(t, answer),
            Effect::Forget => {
                let epoch = self.state.txs[t].epoch;
                self.forget(t, epoch);
            }
            Effect::Done { untold } => self.done(t, untold),
        }
    }

    fn answer(&mut self, t: usize, answer: Answer) {
        let none = BranchSet::EMPTY;
        let (told, pending, heuristic, sometimes) = match answer {
            Answer::Committed { pending, heuristic } => {
                (Told::Committed, pending, heuristic, Sometimes::ToldCommitted)
            }
            Answer::Aborted { heuristic, .. } => {
                (Told::Aborted, none, heuristic, Sometimes::ToldAborted)
            }
            // Nothing is claimed, so it is as good as no answer.
            Answer::InDoubt => (Told::Nothing, none, none, Sometimes::ToldInDoubt),
        };
        self.state.txs[t].told = told;
        self.state.txs[t].answered = true;
        let (pending, heuristic) = (bits(pending).into(), bits(heuristic).into());
        let committed = told == Told::Committed;
        self.answered = Some((t, invariants::Answered { committed, pending, heuristic }));
        self.reaches(sometimes);
    }

    /// The machine is done. Nobody answers its client any more; and whoever asks its coordinator by
    /// gid is told from now on what the log says, unless nobody can know. As long as that process
    /// lives, and nobody has taken the log over, this is for certain: a commit that needed no
    /// decision is noted by now.
    fn done(&mut self, t: usize, untold: bool) {
        let tx = &mut self.state.txs[t];
        tx.stage = if untold { Stage::Untold } else { Stage::Absent };
        let committed = tx.branches[self.system.participants()]
            .iter()
            .any(|branch| matches!(branch.at, At::Committed | At::CommittedAlone));
        let presumed = !untold && tx.log == Log::Absent && tx.epoch == self.state.log_epoch;
        if !tx.answered {
            self.breaks(Invariant::Termination);
        } else if presumed && committed {
            self.breaks(Invariant::ClientTruth);
        }
        self.let_go(t);
    }

    /// The machine is gone, done or crashed: nobody waits for its calls any more.
    pub(super) fn let_go(&mut self, t: usize) {
        for p in self.system.participants() {
            self.call(t, p, Call::None);
        }
        let tx = &mut self.state.txs[t];
        tx.machine = NO_MACHINE;
        tx.answered = false;
        tx.timers = Timers::default();
        tx.wait = Wait::Nothing;
        self.abandon_force(t);
    }

    /// Puts a call in the place of the one before it.
    pub(super) fn call(&mut self, t: usize, p: usize, call: Call) {
        let branch = &mut self.state.txs[t].branches[p];
        if let Some(stray) = super::participant::stray(branch.call) {
            branch.strays |= stray.bit();
        }
        branch.call = call;
    }

    /// Tells whoever watches for heuristic endings.
    pub(super) fn report(&mut self, t: usize, p: usize, ending: Ending) {
        if ending.is_as_decided() {
            return;
        }
        let tx = &mut self.state.txs[t];
        tx.reported |= 1 << p;
        if tx.branches[p].at.by_operator() {
            self.reaches(Sometimes::HeuristicReported);
        } else if tx.branches[p].mute {
            self.reaches(Sometimes::HazardReported);
        }
    }

    /// The machine hears how a branch ended.
    pub(super) fn finished(&mut self, t: usize, p: usize, ending: Ending) {
        self.report(t, p, ending);
        self.give(t, Input::Finished(branch(p), ending));
    }
}
