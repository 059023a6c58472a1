//! What both worlds must hold alike after every action.

use indoubt::{DecisionLog, Entry, LogError};

use super::board::{Begun, Board, InHand, Note};
use super::desk::Caller;
use super::director::{Director, soon};
use super::outcome::{Impossible, Stop};
use crate::bend::Bend;
use crate::explore::{Calling, Logged, Waiting};
use crate::history::Tx;
use crate::lock::lock;
use crate::story::{AtBranch, Stray};

impl<B: Bend> Director<'_, B> {
    pub(super) async fn compare(&self) -> Result<(), Stop> {
        for (t, board) in (0..).zip(&self.boards) {
            let Some(begun) = &board.begun else { continue };
            self.compare_branches(t, begun)?;
            self.compare_calls(t)?;
            self.compare_strays(t, board)?;
            self.compare_waits(t, board)?;
            let (explored, simulated) = (self.after().told(t.into()), *lock(&board.told));
            if explored != simulated {
                let told = |told| format!("the client of tx-{t} told {}", answer(told));
                return Err(Stop::differ(told(explored), told(simulated)));
            }
            if !board.lied_of {
                self.compare_log(t, begun, board.note).await?;
            }
        }
        Ok(())
    }

    fn compare_branches(&self, t: u8, begun: &Begun) -> Result<(), Stop> {
        for (p, xid) in (0_u8..).zip(&begun.xids) {
            let explored = self.after().branch(t.into(), p.into());
            let simulated = self.server(p)?.branch(*xid);
            if explored != simulated {
                let branch = |at| format!("the branch of tx-{t} at participant-{p} {}", branch(at));
                return Err(Stop::differ(branch(explored), branch(simulated)));
            }
        }
        Ok(())
    }

    /// Calls to participants that somebody waits for.
    fn compare_calls(&self, t: u8) -> Result<(), Stop> {
        let (after, of) = (self.after(), usize::from(t));
        for p in 0..self.retold.size.participants {
            let asked = self.boards[of].asked.get(&p);
            let mine = (after.call(of, p.into()), calling(asked));
            let recoveries = (0..self.retold.size.coordinators).map(|c| {
                let asked = self.resolving.get(&(c, t, p));
                (after.recovery_call(c.into(), of, p.into()), calling(asked))
            });
            for (explored, simulated) in recoveries.chain([mine]) {
                if explored != simulated {
                    let call = |call| format!("of calls to participant-{p} for tx-{t}: {call:?}");
                    return Err(Stop::differ(call(explored), call(simulated)));
                }
            }
        }
        Ok(())
    }

    /// Requests that nobody waits for.
    fn compare_strays(&self, t: u8, board: &Board) -> Result<(), Stop> {
        for p in 0..self.retold.size.participants {
            for stray in Stray::ALL {
                let explored = self.after().has_stray(t.into(), p.into(), stray);
                let simulated = board.strays.iter().any(|(to, one, _)| (*to, *one) == (p, stray));
                if explored != simulated {
                    let late =
                        |is| format!("{} late {stray} of tx-{t} to participant-{p}", some(is));
                    return Err(Stop::differ(late(explored), late(simulated)));
                }
            }
        }
        Ok(())
    }

    /// What else a transaction waits for.
    fn compare_waits(&self, t: u8, board: &Board) -> Result<(), Stop> {
        let waits = if waited_for(board.read.as_ref().map(|read| &read.answer)) {
            Waiting::Reading
        } else if waited_for(board.retry.as_ref()) {
            Waiting::Retry
        } else {
            Waiting::Nothing
        };
        let forces = waited_for(board.force.as_ref().and_then(|force| force.answer.as_ref()));
        let (explored, simulated) =
            ((self.after().forces(t.into()), self.after().waits(t.into())), (forces, waits));
        if explored == simulated {
            return Ok(());
        }
        let both = |(forces, waits)| {
            format!("{} force of tx-{t}, which waits for {waits:?}", some(forces))
        };
        Err(Stop::differ(both(explored), both(simulated)))
    }

    async fn compare_log(&self, t: u8, begun: &Begun, note: Option<Note>) -> Result<(), Stop> {
        // Unless the machine has lost its power.
        let Some((_, log)) = self.logs.last_key_value() else { return Ok(()) };
        let simulated = soon(log.log().read(&begun.gid)).await?;
        let outlived = self.expired >= Some(Tx::of(&begun.gid));
        let withheld = note.is_some_and(|note| note.withheld);
        let explored = self.after().logged(t.into());
        let alike = match (explored, &simulated) {
            (Logged::Noting { decided: true }, Ok(Entry::Unfinished(_)))
            | (Logged::Noting { decided: false }, Ok(Entry::Absent)) => withheld,
            (Logged::Noting { .. }, Ok(Entry::Finished)) => !withheld,
            // Recovery takes the one for the other, and of its own failed force nobody is told so.
            (Logged::Absent, Ok(Entry::Expired)) => outlived,
            (Logged::Absent, Ok(Entry::Absent))
            | (Logged::Unfinished, Ok(Entry::Unfinished(_)))
            | (Logged::Finished, Ok(Entry::Finished))
            | (Logged::Expired, Ok(Entry::Expired)) => true,
            _ => false,
        };
        if alike {
            return Ok(());
        }
        if outlived && matches!(simulated, Ok(Entry::Expired)) {
            return Err(Impossible::ForgetsOldestFirst.into());
        }
        let log = |what| format!("the log saying of tx-{t}: {what}");
        Err(Stop::differ(log(logged(explored)), log(entry(&simulated))))
    }
}

fn calling(call: Option<&InHand>) -> Calling {
    match call {
        None => Calling::Nothing,
        Some(InHand { reply: None, .. }) => Calling::Asked,
        Some(_) => Calling::Replied,
    }
}

fn waited_for<T>(answer: Option<&Caller<T>>) -> bool {
    answer.is_some_and(|answer| !answer.is_canceled())
}

const fn some(is: bool) -> &'static str {
    if is { "a" } else { "no" }
}

const fn answer(told: Option<bool>) -> &'static str {
    match told {
        None => "nothing",
        Some(true) => "committed",
        Some(false) => "aborted",
    }
}

const fn branch(at: AtBranch) -> &'static str {
    match at {
        AtBranch::Open => "open",
        AtBranch::Prepared => "prepared",
        AtBranch::Committed { by_operator: false } => "committed",
        AtBranch::Committed { by_operator: true } => "committed by an operator",
        AtBranch::RolledBack { by_operator: false } => "rolled back",
        AtBranch::RolledBack { by_operator: true } => "rolled back by an operator",
        AtBranch::NoTrace => "ended without a trace",
    }
}

const fn logged(logged: Logged) -> &'static str {
    match logged {
        Logged::Absent => "absent",
        Logged::Unfinished => "unfinished",
        Logged::Noting { .. } => "noted as finished",
        Logged::Finished => "finished",
        Logged::Expired => "expired",
    }
}

const fn entry(entry: &Result<Entry, LogError>) -> &'static str {
    match entry {
        Ok(Entry::Absent) => "absent",
        Ok(Entry::Unfinished(_)) => "unfinished",
        Ok(Entry::Finished) => "finished",
        Ok(Entry::Expired) => "expired",
        Err(LogError::Fenced { .. }) => "fenced",
        Err(LogError::Unreadable { .. }) => "unreadable",
    }
}
