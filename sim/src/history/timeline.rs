//! A history as a person reads it: one line an event.

use std::fmt;

use super::fold::folded;
use super::rows::{self, Meaning};
use super::{Ailment, Entry, Event, History, Place, Told, Tx, VoteKind, Waits};

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a participant holds is many events and one thing to read.
        for group in self.entries.chunk_by(Entry::is_row_beside) {
            match group {
                [first, rest @ ..] if first.row().is_some() => {
                    write!(f, "{first}")?;
                    rest.iter()
                        .filter_map(Entry::row)
                        .try_for_each(|(_, row)| write!(f, ", {row}"))?;
                    writeln!(f)?;
                }
                others => folded(others).iter().try_for_each(|one| write!(f, "{one}"))?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>7}.{:03} ms  {}", self.at_us / 1000, self.at_us % 1000, self.event)
    }
}

impl Entry {
    /// The participant and its row, if the event is one.
    fn row(&self) -> Option<(u8, Row)> {
        match self.event {
            Event::Seeded { p, key, value } | Event::Row { p, key, value } => {
                Some((p, Row { key, value }))
            }
            _ => None,
        }
    }

    /// Rows of one participant belong together, and so does everything between rows.
    fn is_row_beside(&self, next: &Self) -> bool {
        let place = |entry: &Self| entry.row().map(|(p, _)| p);
        place(self) == place(next)
    }
}

/// A row by the name of what it stands for.
struct Row {
    key: u64,
    value: i64,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match rows::meaning(self.key) {
            Meaning::Marker(tx) => write!(f, "marker of {tx} = {}", self.value),
            Meaning::Order { p, item, tx } => {
                write!(
                    f,
                    "order of item {item} at {} by {tx} = {}",
                    Place::Participant(p),
                    self.value
                )
            }
            Meaning::Account(number) => write!(f, "{number} = {}", self.value),
        }
    }
}

impl fmt::Display for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tx {}:{}", self.epoch, self.sequence)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coordinator(index) => write!(f, "coordinator-{index}"),
            Self::Participant(index) => write!(f, "participant-{index}"),
        }
    }
}

impl fmt::Display for Ailment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Paused => "it STANDS STILL",
            Self::Slow => "it is SLOW",
            Self::Slots => "few SLOTS for prepared branches",
            Self::Clock => "its clock has JUMPED",
        })
    }
}

impl fmt::Display for VoteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yes => "yes",
            Self::ReadOnly => "read-only",
            Self::No => "no",
        })
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Committed => "committed",
            Self::Aborted => "aborted",
            Self::InDoubt => "in doubt",
            Self::Expired => "no longer remembered",
            Self::NeverBegun => "never begun",
        })
    }
}

const fn ended(committed: bool) -> &'static str {
    if committed { "committed" } else { "rolled back" }
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |us: u64| us / 1_000;
        write!(f, "an answer within {} ms", ms(self.answer_us))?;
        if let Some(p) = self.sick {
            let (p, most) = (Place::Participant(p), ms(self.sick_answer_us));
            write!(f, " ({most} ms where {p} has a part, which is sick)")?;
        }
        write!(f, ", one by gid within {} ms", ms(self.status_us))?;
        let orphan = self.orphan_us.map(ms);
        orphan.map_or(Ok(()), |orphan| write!(f, ", no orphan after {orphan} ms"))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let participant = |p: &u8| Place::Participant(*p);
        match self {
            Self::Run { participants, calm, .. } => {
                let calm = if *calm { ", nothing will fail" } else { "" };
                write!(f, "{participants} participants{calm}")
            }
            Self::Seeded { p, key, value } => {
                write!(f, "{} begins with {}", participant(p), Row { key: *key, value: *value })
            }
            Self::Began { tx, by } => write!(f, "{tx}: begun at {by}"),
            Self::Enlisted { tx, p } => write!(f, "{tx}: {} enlisted", participant(p)),
            Self::AskedCommit { tx } => write!(f, "{tx}: the client asks to commit"),
            Self::Answered { tx, told, pending, heuristic, reason } => {
                write!(f, "{tx}: the client is told: {told}")?;
                reason.iter().try_for_each(|reason| write!(f, " ({reason})"))?;
                listed(f, ", pending at", pending)?;
                listed(f, ", ended by someone else at", heuristic)
            }
            Self::Promised { waits } => write!(f, "promised: {waits}"),
            Self::Left { tx } => write!(f, "{tx}: the client waits no longer"),
            Self::Status { tx, told, after_us } => {
                let (ms, us) = (after_us / 1_000, after_us % 1_000);
                write!(f, "{tx}: status by gid, after {ms}.{us:03} ms: {told}")
            }
            Self::Acknowledged { tx } => {
                write!(f, "{tx}: an operator has seen to what cannot say how it ended")
            }
            Self::Voted { tx, p, vote } => write!(f, "{tx}: {} votes {vote}", participant(p)),
            Self::Ended { tx, p, committed, one_phase, by_recovery } => {
                write!(f, "{tx}: {} has durably {}", participant(p), ended(*committed))?;
                f.write_str(if *one_phase { ", in one phase" } else { "" })?;
                f.write_str(if *by_recovery { ", by recovery" } else { "" })
            }
            Self::Expired { tx, p } => write!(f, "{tx}: the session at {} expired", participant(p)),
            Self::OperatorEnded { tx, p, committed } => {
                write!(
                    f,
                    "{tx}: an operator has {} the branch at {}",
                    ended(*committed),
                    participant(p)
                )
            }
            Self::HeuristicReported { tx, p } => {
                write!(f, "{tx}: heuristic ending at {} reported", participant(p))
            }
            Self::Deciding { tx, branches } => {
                write!(f, "{tx}: forcing the decision to commit, {branches} branches")
            }
            Self::Decided { tx } => write!(f, "{tx}: DECIDED to commit"),
            Self::ForceFailed { tx, fenced: true } => write!(f, "{tx}: the force is fenced"),
            Self::ForceFailed { tx, fenced: false } => {
                write!(f, "{tx}: the force failed, outcome unknown")
            }
            Self::Forgotten { tx, by } => write!(f, "{tx}: forgotten by {by}"),
            Self::Opened { by, epoch, unfinished } => {
                write!(f, "{by} opened the log: epoch {epoch}, {} unfinished", unfinished.len())?;
                unfinished.iter().try_for_each(|tx| write!(f, ", {tx}"))
            }
            Self::OpenFailed { by, why } => write!(f, "{by} could not open the log: {why}"),
            Self::Asked { .. }
            | Self::Heard { .. }
            | Self::GaveUp { .. }
            | Self::Swept { .. }
            | Self::LogRead { .. } => self.at_an_edge(f),
            Self::Ordered { .. }
            | Self::Disagreed { .. }
            | Self::Panicked { .. }
            | Self::Healed
            | Self::Quiesced
            | Self::Overran
            | Self::StillPrepared { .. }
            | Self::StillLocked { .. }
            | Self::StillUnfinished { .. }
            | Self::Untold { .. }
            | Self::Trespassed { .. }
            | Self::Foreign { .. } => self.befalls_the_run(f),
            Self::LogUnreadable { by } => write!(f, "{by} could not read the log"),
            Self::OfService { what } => what.fmt(f),
            Self::Row { p, key, value } => {
                write!(f, "{} holds {}", participant(p), Row { key: *key, value: *value })
            }
            Self::Forgot { .. }
            | Self::ForgotUnprepared { .. }
            | Self::SessionsEnded { .. }
            | Self::StandbyCutOff { .. }
            | Self::FailedOver { .. }
            | Self::RivalStarted
            | Self::LetGo { .. }
            | Self::DriverEnded { .. }
            | Self::Found { .. }
            | Self::WriteFailed { .. }
            | Self::Crashed { .. }
            | Self::Started { .. }
            | Self::Cut { .. }
            | Self::Mended { .. }
            | Self::TakenOver
            | Self::DiskFaulty { .. }
            | Self::Ails { .. } => self.befalls_a_place(f),
        }
    }
}

/// Participants by name, after these words, if there are any.
fn listed(f: &mut fmt::Formatter<'_>, what: &str, participants: &[u8]) -> fmt::Result {
    participants.iter().enumerate().try_for_each(|(nth, p)| {
        let before = if nth == 0 { what } else { " and" };
        write!(f, "{before} {}", Place::Participant(*p))
    })
}

impl Event {
    /// The line of what is about all of a run, is left at its end, or strikes a branch from outside.
    fn befalls_the_run(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let participant = |p: &u8| Place::Participant(*p);
        match self {
            Self::Ordered { step, action } => write!(f, "{step:>3}. {action}"),
            Self::Disagreed { what, .. } => write!(f, "     and there the worlds PART: {what}"),
            Self::Panicked { what } => write!(f, "PANIC: {what}"),
            Self::Healed => f.write_str("all faults end"),
            Self::Quiesced => f.write_str("everything has come to rest"),
            Self::Overran => f.write_str("the bound has PASSED and something is still at work"),
            Self::StillPrepared { tx, p } => {
                write!(f, "{tx}: still prepared at {}", participant(p))
            }
            Self::StillLocked { p, rows } => {
                write!(f, "{}: {rows} rows still locked", participant(p))
            }
            Self::StillUnfinished { tx } => write!(f, "{tx}: the log still owes the decision"),
            Self::Untold { tx, p } => {
                write!(f, "{tx}: {} will NOT be able to tell how it ended", participant(p))
            }
            Self::Trespassed { tx, p } => {
                write!(f, "{tx}: a RIVAL under the same id ends the branch at {}", participant(p))
            }
            Self::Foreign { p, expected, found } => {
                write!(f, "{}: {found} of {expected} foreign branches untouched", participant(p))
            }
            _ => Ok(()),
        }
    }

    /// The line of what befalls a place, or ends there.
    fn befalls_a_place(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let participant = |p: &u8| Place::Participant(*p);
        match self {
            Self::Forgot { p } => {
                write!(f, "{} LOSES all evidence of what has ended", participant(p))
            }
            Self::SessionsEnded { p } => {
                write!(f, "an operator ENDS every session of {}", participant(p))
            }
            Self::ForgotUnprepared { p } => {
                write!(f, "{} LOSES track of what was never prepared", participant(p))
            }
            Self::StandbyCutOff { p } => {
                write!(f, "the standby of {} is CUT OFF", participant(p))
            }
            Self::FailedOver { p } => {
                write!(
                    f,
                    "the standby takes the place of {}: what it lacks is LOST",
                    participant(p)
                )
            }
            Self::RivalStarted => f.write_str("a RIVAL comes up: the same id, another directory"),
            Self::Found { p, prepared } => {
                write!(f, "{} finds {} branches prepared", participant(p), prepared.len())?;
                prepared.iter().try_for_each(|tx| write!(f, ", {tx}"))
            }
            Self::LetGo { by, .. } => write!(f, "every handle of {by} is DROPPED"),
            Self::DriverEnded { by, dropped: false, .. } => {
                write!(f, "the driver of {by} has ended")
            }
            Self::DriverEnded { by, dropped: true, .. } => {
                write!(f, "the driver of {by} is DROPPED")
            }
            Self::WriteFailed { place } => {
                write!(f, "a write of {place} FAILED, which ends its server")
            }
            Self::Crashed { place } => write!(f, "{place} CRASHED"),
            Self::Started { place } => write!(f, "{place} started"),
            Self::Cut { from, to } => write!(f, "CUT {from} -> {to}"),
            Self::Mended { from, to } => write!(f, "mended {from} -> {to}"),
            Self::TakenOver => {
                f.write_str("the log's lock is BROKEN and a second coordinator comes up")
            }
            Self::DiskFaulty { place, faulty: true } => {
                write!(f, "the disk of {place} begins to FAIL, or to hang")
            }
            Self::DiskFaulty { place, faulty: false } => {
                write!(f, "the disk of {place} works again")
            }
            Self::Ails { place, ailment, ails: true } => {
                write!(f, "{place} begins to suffer: {ailment}")
            }
            Self::Ails { place, ailment, ails: false } => {
                write!(f, "{place} suffers no longer: {ailment}")
            }
            _ => Ok(()),
        }
    }

    /// The line of what passes at a coordinator's edges.
    fn at_an_edge(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let participant = |p: &u8| Place::Participant(*p);
        match self {
            Self::Asked { tx, p, by, ask } => {
                write!(f, "{tx}: {by} asks {} {ask}", participant(p))
            }
            Self::Heard { tx, p, by, ask, heard } => {
                write!(f, "{tx}: {by} hears from {}, asked {ask}: {heard}", participant(p))
            }
            Self::GaveUp { tx, p, by, ask } => {
                write!(f, "{tx}: {by} gives up on {}, asked {ask}", participant(p))
            }
            Self::Swept { by, after_us, says, .. } => {
                let (ms, us) = (after_us / 1_000, after_us % 1_000);
                write!(f, "a sweep of {by}, of {ms}.{us:03} ms, says: {says}")
            }
            Self::LogRead { tx, by, reading } => {
                write!(f, "{tx}: {by} reads in the log: {reading}")
            }
            _ => Ok(()),
        }
    }
}
