//! The director as the log's disk: forces land, or are only said to have failed.
//!
//! A force is carried out by the director and not by its caller, so it can land when that one
//! has given it up, or is gone.

use indoubt::{DecisionLog, Entry, ForceError, Gid, LogError};

use super::board::{HeldReading, Note};
use super::client::UNUSED;
use super::director::{Director, soon};
use super::outcome::{Impossible, Stop};
use super::parts::DirectLog;
use crate::bend::Bend;
use crate::explore::Logged;
use crate::history::{self, Event, Place, Tx};
use crate::story::{Action, LogReading};

impl<B: Bend> Director<'_, B> {
    pub(super) async fn land(&mut self, t: u8) -> Result<(), Stop> {
        let Some(mut force) = self.board(t).force.take() else {
            return Err(Stop::differ("a force on its way", "none"));
        };
        let forced = soon(self.log(force.epoch)?.carry_out(&force.commit)).await?;
        if let Err(error) = forced {
            return Err(Stop::differ("the decision durable", error.to_string()));
        }
        force.landed = true;
        self.board(t).force = Some(force);
        self.takes_notes_along(t);
        Ok(())
    }

    /// The caller hears that its decision is durable. If it is not, the order is a story of a
    /// log that lies, and what the simulated one says is its own.
    pub(super) async fn force_returns(&mut self, t: u8) -> Result<(), Stop> {
        let landed = self.board(t).force.as_ref().is_none_or(|force| force.landed);
        if !landed {
            self.land(t).await?;
            self.board(t).lied_of = true;
        }
        self.hear(t, Ok(()))
    }

    pub(super) fn force_fails(&mut self, t: u8) -> Result<(), Stop> {
        self.note_failed(t, false);
        let reason = "it failed, by order".to_owned();
        self.hear(t, Err(ForceError::Unknown { reason }))
    }

    /// What has landed before the other opening is read by it, and its caller hears this.
    pub(super) async fn force_fenced(&mut self, t: u8) -> Result<(), Stop> {
        let Some(force) = self.board(t).force.take() else {
            return Err(Stop::differ("a force on its way", "none"));
        };
        let fenced = ForceError::Fenced { epoch: force.epoch };
        if force.landed {
            self.note_failed(t, true);
        } else {
            let forced = soon(self.log(force.epoch)?.carry_out(&force.commit)).await?;
            if forced != Err(fenced.clone()) {
                return Err(Stop::differ("the force fenced", format!("{forced:?}")));
            }
        }
        self.board(t).force = Some(force);
        self.hear(t, Err(fenced))
    }

    /// Writes down what the log would have, had it failed by itself.
    fn note_failed(&mut self, t: u8, fenced: bool) {
        if let Some(begun) = &self.board(t).begun {
            let tx = Tx::of(&begun.gid);
            self.world.events.record(Event::ForceFailed { tx, fenced });
        }
    }

    fn hear(&mut self, t: u8, heard: Result<(), ForceError>) -> Result<(), Stop> {
        let waiting = self.board(t).force.as_mut().and_then(|force| force.answer.take());
        match waiting {
            Some(answer) => {
                let _gone = answer.send(heard);
                Ok(())
            }
            None => Err(Stop::differ("a force that is waited for", "none")),
        }
    }

    /// The reading after a failed force.
    pub(super) async fn read(&mut self, t: u8, reading: LogReading) -> Result<(), Stop> {
        let Some(held) = self.board(t).read.take() else {
            return Err(Stop::differ("a reading of the log", "none"));
        };
        let by = self.board(t).begun.as_ref().map_or(0, |begun| begun.by);
        self.answer(t, by, held, reading).await
    }

    /// Answers a reading as the order has it, if the log can.
    pub(super) async fn answer(
        &mut self,
        t: u8,
        by: u8,
        held: HeldReading,
        reading: LogReading,
    ) -> Result<(), Stop> {
        let answer = match reading {
            LogReading::Unreadable => {
                let (tx, by) = (Tx::of(&held.gid), Place::Coordinator(by));
                let reading = history::Reading::Unreadable;
                self.world.events.record(Event::LogRead { tx, by, reading });
                Err(LogError::Unreadable { reason: "it cannot be read, by order".to_owned() })
            }
            LogReading::Truth | LogReading::Fenced => {
                soon(self.log(held.epoch)?.read(&held.gid)).await?
            }
        };
        let fenced = matches!(answer, Err(LogError::Fenced { .. }));
        match (reading, fenced) {
            (LogReading::Truth, true) => return Err(Impossible::SucceededReads.into()),
            (LogReading::Fenced, false) => {
                return Err(Stop::differ("the log fenced", format!("{answer:?}")));
            }
            _ => {}
        }
        let withheld = self.board(t).note.is_some_and(|note| note.withheld);
        if reading == LogReading::Truth && withheld {
            return Err(Impossible::NoteWithheld.into());
        }
        let _gone = held.answer.send(answer);
        Ok(())
    }

    /// A transaction is noted as finished: at once, unless the order has the note lost.
    pub(super) async fn forget(
        &mut self,
        epoch: u64,
        gid: &Gid,
    ) -> Result<Result<(), LogError>, Stop> {
        let Some(t) = self.transaction(gid) else { return Ok(Ok(())) };
        // What an opening notes that has been succeeded reaches nobody.
        let latest = self.logs.last_key_value().is_some_and(|(latest, _)| *latest == epoch);
        let noted = latest && matches!(self.after().logged(t.into()), Logged::Noting { .. });
        if noted && self.board(t).note.is_none() {
            let withheld = self.loses_note(t);
            self.board(t).note = Some(Note { epoch, withheld, taken_along: false });
        }
        let lost = noted && self.board(t).note.is_some_and(|note| note.withheld);
        if lost {
            if self.after().logged(t.into()) == (Logged::Noting { decided: false }) {
                // Of a commit without a decision nobody knows then: see `indoubt::Status`.
                let unknown = Tx::of(gid);
                self.world.backlog.ask_for_none(|asked| *asked == unknown);
            }
            return Ok(Err(LogError::Unreadable {
                reason: "it takes no note, by order".to_owned(),
            }));
        }
        soon(self.log(epoch)?.forget(gid)).await
    }

    /// Whether the log is not to take the note of a transaction, and to go on.
    fn loses_note(&self, t: u8) -> bool {
        let later = self.retold.steps[self.step..].iter().skip(1);
        let fate = later.map(|(action, _)| *action).find(|action| {
            matches!(action, Action::Open { .. })
                || *action == Action::ForgetLost { t }
                || *action == Action::NoteForgotten { t }
        });
        fate == Some(Action::ForgetLost { t })
    }

    /// What has been noted reaches the disk.
    pub(super) async fn note_forgotten(&mut self, t: u8) -> Result<(), Stop> {
        let Some(note) = self.board(t).note.take() else {
            return Err(Stop::differ("a note to write", "none"));
        };
        self.flush(note.epoch).await?;
        self.takes_notes_along(t);
        Ok(())
    }

    async fn flush(&self, epoch: u64) -> Result<(), Stop> {
        let flushed = soon(self.log(epoch)?.log().flush()).await?;
        flushed.map_err(|error| Stop::differ("the note durable", error.to_string()))
    }

    /// The file log writes all notes with whatever it writes.
    fn takes_notes_along(&mut self, but: u8) {
        for (t, board) in (0..).zip(&mut self.boards) {
            if let Some(note) = &mut board.note
                && t != but
            {
                note.taken_along = true;
            }
        }
    }

    /// The log remembers a transaction no longer, since others have finished: gids that its
    /// client has used up.
    pub(super) async fn expire(&mut self, t: u8) -> Result<(), Stop> {
        let Some(begun) = self.board(t).begun.clone() else { return Ok(()) };
        let (epoch, log) = self.latest()?;
        log.has_ended(&Gid { sequence: u64::MAX, ..begun.gid.clone() });
        for unused in 1..=UNUSED {
            if matches!(soon(log.log().read(&begun.gid)).await?, Ok(Entry::Expired)) {
                break;
            }
            let gid = Gid { sequence: begun.gid.sequence + unused, ..begun.gid.clone() };
            let noted = soon(log.log().forget(&gid)).await?;
            noted.map_err(|error| Stop::differ("it forgotten", error.to_string()))?;
        }
        self.flush(epoch).await?;
        self.takes_notes_along(t);
        let newest = Tx::of(&begun.gid);
        // Nor what became of older ones, if they were not committed.
        self.world.backlog.ask_for_none(|asked| *asked <= newest);
        self.expired = self.expired.max(Some(newest));
        Ok(())
    }

    /// Makes the acquaintance of logs that have been opened.
    pub(super) fn note_logs(&mut self) {
        for acting in self.stage.all().values() {
            self.logs.entry(acting.log.epoch()).or_insert_with(|| acting.log.clone());
        }
    }

    pub(super) fn log(&self, epoch: u64) -> Result<DirectLog<B>, Stop> {
        let log = self.logs.get(&epoch).cloned();
        log.ok_or_else(|| Stop::differ(format!("the opening of epoch {epoch}"), "it gone"))
    }

    fn latest(&self) -> Result<(u64, DirectLog<B>), Stop> {
        let latest = self.logs.last_key_value().map(|(epoch, log)| (*epoch, log.clone()));
        latest.ok_or_else(|| Stop::differ("an open log", "none"))
    }
}
