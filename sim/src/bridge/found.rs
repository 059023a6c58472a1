//! What an action set in motion: the calls that it left at the desks, and whose each is.
//!
//! Actions are taken one at a time and settled, so a new call belongs to the action's
//! transaction. Scans and lists are answered at once: for a sweep that the order asks for with
//! the truth about its suspect, for the driver's own with nothing.

use std::sync::Arc;
use std::time::Duration;

use indoubt::{BranchGid, Clock, Commit, DecisionLog, Gid, LogError};

use super::board::{Board, Forcing, HeldReading, InHand};
use super::desk::{Asked, Call, Caller, Held, LogCall};
use super::director::{Director, SETTLE, soon};
use super::outcome::Stop;
use crate::bend::Bend;
use crate::database::{Reply, Request};
use crate::story::Action;
use crate::time::SimClock;
use crate::world::COORDINATORS;

/// A few calls can each be answered only after the one before it.
const ROUNDS: usize = 32;

impl<B: Bend> Director<'_, B> {
    /// Lets the world settle after an action.
    pub(super) async fn settle(&mut self, after: Action) -> Result<(), Stop> {
        for _ in 0..ROUNDS {
            SimClock.sleep(SETTLE).await;
            self.note_logs();
            let mut found = Vec::new();
            while let Ok(held) = self.held.try_recv() {
                found.push(held);
            }
            let forces = found
                .iter()
                .any(|held| matches!(held.call, Call::Log { call: LogCall::Force { .. }, .. }));
            let mut answered = false;
            for held in found {
                answered |= self.sort(held, after, forces).await?;
            }
            if !answered {
                self.gather_strays();
                return Ok(());
            }
        }
        Err(Stop::differ("a world that settles", "calls without end"))
    }

    /// Whether something was answered, so that the world has to settle again.
    async fn sort(&mut self, held: Held, after: Action, forces: bool) -> Result<bool, Stop> {
        let by = held.by;
        match held.call {
            Call::Ask(asked) if matches!(asked.request, Request::List) => {
                self.list(asked, after).await
            }
            Call::Ask(asked) => Ok(self.asked(by, asked)),
            Call::Log { epoch, call } => self.log_called(by, epoch, call, after).await,
            Call::Wait { for_long, over } => {
                self.waits(subject(after), for_long, over, forces);
                Ok(false)
            }
        }
    }

    /// A scan: what it finds is the order's to say.
    async fn list(&mut self, asked: Asked, after: Action) -> Result<bool, Stop> {
        let mut found = Vec::new();
        if let Action::Suspect { t, found: at, .. } = after
            && at & 1 << place(&asked) != 0
            && let Some(begun) = self.board(t).begun.clone()
        {
            let listed = soon(self.rpc.call(asked.to, Request::List)).await?;
            let Reply::Prepared(gids) = listed else {
                return Err(Stop::differ("a list", format!("{listed:?}")));
            };
            let suspect =
                |gid: &String| gid.parse::<BranchGid>().is_ok_and(|one| one.gid == begun.gid);
            found = gids.into_iter().filter(suspect).collect();
        }
        Ok(asked.answer.send(Some(Reply::Prepared(found))).is_ok())
    }

    fn asked(&mut self, by: u8, asked: Asked) -> bool {
        let p = place(&asked);
        let of = |gid: &BranchGid| self.transaction(&gid.gid);
        let Some(t) = asked.about.as_ref().and_then(of) else { return false };
        let by_recovery = matches!(asked.request, Request::Resolve { .. });
        let call = InHand::new(asked);
        if by_recovery && !self.after().recovers(by.into(), t.into()) {
            // The sweep waits for what it will not use: it may as well give up at once.
            self.board(t).abandon(p, &call);
            return call.answer.send(None).is_ok();
        }
        let replaced = if by_recovery {
            self.resolving.insert((by, t, p), call)
        } else {
            self.board(t).asked.insert(p, call)
        };
        if let Some(replaced) = replaced {
            self.board(t).abandon(p, &replaced);
        }
        false
    }

    async fn log_called(
        &mut self,
        by: u8,
        epoch: u64,
        call: LogCall,
        after: Action,
    ) -> Result<bool, Stop> {
        match call {
            LogCall::Force { commit, answer } => {
                if let Some(t) = self.transaction(&commit.gid) {
                    let answer = Some(answer);
                    self.board(t).force = Some(Forcing { epoch, commit, landed: false, answer });
                }
                Ok(false)
            }
            LogCall::Read { gid, answer } => {
                let Some(t) = self.transaction(&gid) else { return Ok(false) };
                let reading = HeldReading { epoch, gid, answer };
                if matches!(after, Action::Suspect { .. }) {
                    self.consulting.insert((by, t), reading);
                } else {
                    self.board(t).read = Some(reading);
                }
                Ok(false)
            }
            LogCall::Forget { gid, answer } => {
                let noted = self.forget(epoch, &gid).await?;
                Ok(answer.send(noted).is_ok())
            }
            LogCall::Unfinished { answer } => {
                let listed = self.unfinished(epoch, after).await?;
                Ok(answer.send(listed).is_ok())
            }
        }
    }

    /// What the log owes, of the suspect alone.
    async fn unfinished(
        &mut self,
        epoch: u64,
        after: Action,
    ) -> Result<Result<Vec<Arc<Commit>>, LogError>, Stop> {
        let Action::Suspect { t, .. } = after else { return Ok(Ok(Vec::new())) };
        let Some(begun) = self.board(t).begun.clone() else { return Ok(Ok(Vec::new())) };
        let mut listed = soon(self.log(epoch)?.unfinished()).await?;
        if let Ok(unfinished) = &mut listed {
            unfinished.retain(|commit| commit.gid == begun.gid);
        }
        Ok(listed)
    }

    fn waits(&mut self, t: Option<u8>, for_long: Duration, over: Caller<()>, forces: bool) {
        let deadlines = self.deadlines;
        let slot = t.map(|t| self.board(t)).and_then(|board| {
            if for_long == deadlines.recovery_interval {
                Some(&mut board.retry)
            } else if for_long == deadlines.acknowledge {
                Some(&mut board.acknowledge_overdue)
            } else if for_long == deadlines.force && forces {
                Some(&mut board.force_overdue)
            } else {
                None
            }
        });
        if let Some(slot) = slot {
            *slot = Some(over);
            return;
        }
        // A deadline of a call whose fate is the order's, or the driver's own sweep.
        self.parked.retain(|wait| !wait.is_canceled());
        self.parked.push(over);
    }

    /// Requests of which the driver has dropped the call.
    fn gather_strays(&mut self) {
        for board in &mut self.boards {
            let dropped = |call: &InHand| call.answer.is_canceled();
            let gone: Vec<u8> =
                board.asked.iter().filter(|(_, call)| dropped(call)).map(|(p, _)| *p).collect();
            for p in gone {
                if let Some(call) = board.asked.remove(&p) {
                    board.abandon(p, &call);
                }
            }
        }
        let dropped = self.resolving.iter().filter(|(_, call)| call.answer.is_canceled());
        let gone: Vec<_> = dropped.map(|(key, _)| *key).collect();
        for key in gone {
            if let Some(call) = self.resolving.remove(&key) {
                self.board(key.1).abandon(key.2, &call);
            }
        }
    }

    pub(super) fn transaction(&self, gid: &Gid) -> Option<u8> {
        let is = |board: &Board| board.begun.as_ref().is_some_and(|begun| begun.gid == *gid);
        self.boards.iter().position(is).and_then(|t| u8::try_from(t).ok())
    }
}

/// At which participant.
const fn place(asked: &Asked) -> u8 {
    asked.to.0 - COORDINATORS
}

/// The transaction that an action is about.
const fn subject(action: Action) -> Option<u8> {
    match action {
        Action::Begin { t, .. }
        | Action::RefuseCommit { t, .. }
        | Action::Arrive { t, .. }
        | Action::Refuse { t, .. }
        | Action::Reply { t, .. }
        | Action::GiveUp { t, .. }
        | Action::Lose { t, .. }
        | Action::Land { t }
        | Action::ForceReturns { t }
        | Action::ForceFails { t }
        | Action::ForceFenced { t }
        | Action::Read { t, .. }
        | Action::Retry { t }
        | Action::ForceOverdue { t }
        | Action::AcknowledgeOverdue { t }
        | Action::Consult { t, .. }
        | Action::NoteForgotten { t }
        | Action::ForgetLost { t }
        | Action::Expire { t }
        | Action::Operator { t, .. }
        | Action::SessionEnds { t, .. }
        | Action::LoseEvidence { t, .. } => Some(t),
        // A sweep's own waits are deadlines of its calls.
        Action::Suspect { .. }
        | Action::Open { .. }
        | Action::Crash { .. }
        | Action::CrashParticipant { .. } => None,
    }
}
