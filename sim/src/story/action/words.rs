//! The `Display` of an action is its line in a story.

use std::fmt;

use super::{Action, Choice, From, LogReading, Refusal, Stray};

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prepare => "prepare",
            Self::OnePhase => "one-phase commit",
            Self::Commit => "commit",
            Self::Abort => "abort",
            Self::AbortByGid => "recovery's abort",
        })
    }
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transaction => f.write_str("the request"),
            Self::Recovery(c) => write!(f, "the request of coordinator-{c}'s recovery"),
            // Recovery waits for none of its aborts, so this one need not be late.
            Self::Nobody(Stray::AbortByGid) => f.write_str("recovery's abort"),
            Self::Nobody(stray) => write!(f, "a late {stray}"),
        }
    }
}

fn whose(from: From) -> String {
    match from {
        From::Transaction | From::Nobody(_) => "its coordinator".to_owned(),
        From::Recovery(c) => format!("coordinator-{c}'s recovery"),
    }
}

const fn knowing(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Fenced => "another has opened the log",
        Refusal::LogBroken => "the log is broken",
        Refusal::Incomplete => "a branch is missing",
    }
}

const fn read(reading: LogReading) -> &'static str {
    match reading {
        LogReading::Truth => "reads the log",
        LogReading::Unreadable => "cannot read the log",
        LogReading::Fenced => "reads the log and is fenced",
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Begin { t, c, commit } => {
                let wish = if commit { "commits" } else { "rolls back" };
                write!(f, "a client of coordinator-{c} {wish} tx-{t}")
            }
            Self::RefuseCommit { t, c, refusal } => {
                let why = knowing(refusal);
                write!(f, "coordinator-{c} refuses to begin the commit of tx-{t}, for {why}")
            }
            Self::Arrive { t, p, from, choice, twice } => {
                write!(f, "tx-{t}: {from} reaches participant-{p}")?;
                f.write_str(match choice {
                    Choice::None => "",
                    Choice::Yes => ", which says yes",
                    Choice::ReadOnly => ", which has only read",
                    Choice::No => ", which says no",
                })?;
                f.write_str(if twice { ", and a copy of it is still on its way" } else { "" })
            }
            Self::Refuse { t, p, from: From::Recovery(c) } => {
                write!(f, "tx-{t}: participant-{p} is out of reach for coordinator-{c}'s recovery")
            }
            Self::Refuse { t, p, from } => {
                write!(f, "tx-{t}: participant-{p} is at work on the branch and refuses {from}")
            }
            Self::Reply { t, p, from } => {
                write!(f, "tx-{t}: participant-{p}'s reply reaches {}", whose(from))
            }
            Self::GiveUp { t, p, from } => {
                write!(f, "tx-{t}: {} gives up waiting for participant-{p}", whose(from))
            }
            Self::Lose { t, p, stray } => {
                write!(f, "tx-{t}: the {stray} to participant-{p} that nobody waits for is lost")
            }
            Self::Land { t } => write!(f, "tx-{t}: the decision to commit becomes durable"),
            Self::ForceReturns { t } => write!(f, "tx-{t}: its coordinator hears: forced"),
            Self::ForceFails { t } => {
                write!(f, "tx-{t}: its coordinator hears that the force failed: outcome unknown")
            }
            Self::ForceFenced { t } => write!(f, "tx-{t}: its coordinator hears: fenced"),
            Self::Read { t, reading } => {
                write!(f, "tx-{t}: its coordinator {}", read(reading))
            }
            Self::Retry { t } => write!(f, "tx-{t}: its coordinator tries again"),
            Self::ForceOverdue { t } => write!(f, "tx-{t}: the force has taken too long"),
            Self::AcknowledgeOverdue { t } => {
                write!(f, "tx-{t}: the acknowledgements have taken too long")
            }
            Self::Suspect { c, t, found } => {
                write!(f, "coordinator-{c}'s recovery takes up tx-{t}, found prepared at")?;
                let places = (0..8).filter(|p| found & 1 << p != 0);
                places.enumerate().try_for_each(|(nth, p)| {
                    write!(f, "{}participant-{p}", if nth == 0 { " " } else { " and " })
                })?;
                f.write_str(if found == 0 { " none, for the log owes it" } else { "" })
            }
            Self::Consult { c, t, reading } => {
                write!(f, "coordinator-{c}'s recovery {} for tx-{t}", read(reading))
            }
            Self::NoteForgotten { t } => write!(f, "the log writes that tx-{t} has finished"),
            Self::ForgetLost { t } => {
                write!(f, "the log does not take the note that tx-{t} has finished")
            }
            Self::Expire { t } => write!(f, "the log remembers tx-{t} no longer"),
            Self::Open { c } => write!(f, "coordinator-{c} opens the log and takes over"),
            Self::Crash { c } => write!(f, "coordinator-{c} crashes"),
            Self::CrashParticipant { p } => write!(f, "participant-{p} crashes and restarts"),
            Self::Operator { t, p, commit } => {
                let did = if commit { "commits" } else { "rolls back" };
                write!(f, "an operator {did} tx-{t} at participant-{p} by hand")
            }
            Self::SessionEnds { t, p } => {
                write!(f, "tx-{t}: participant-{p} ends the abandoned session")
            }
            Self::LoseEvidence { t, p } => {
                write!(f, "tx-{t}: participant-{p} can no longer tell how its branch ended")
            }
        }
    }
}
