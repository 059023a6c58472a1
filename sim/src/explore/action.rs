//! What can happen next, in the protocol's terms.
//!
//! The `Display` of an action is its line in a story; its serde form is what a counterexample
//! file holds, and what replays.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::size::Size;

/// A request that nobody waits for any more: its call was given up on, its coordinator
/// crashed, or it is a second copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stray {
    /// To prepare.
    Prepare,
    /// To commit without a prepare.
    OnePhase,
    /// To commit.
    Commit,
    /// To roll back, through the session that began the branch.
    Abort,
    /// To roll back by gid.
    AbortByGid,
}

impl Stray {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Prepare, Self::OnePhase, Self::Commit, Self::Abort, Self::AbortByGid];

    pub(super) const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// The transaction's own machine.
    Transaction,
    /// Recovery at this coordinator.
    Recovery(u8),
    /// Nobody's any more.
    Nobody(Stray),
}

/// A participant's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// There is nothing to choose.
    None,
    /// Yes.
    Yes,
    /// It has only read.
    ReadOnly,
    /// No.
    No,
}

/// How a reading of the log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// It says what is there.
    Truth,
    /// It cannot be read, or not in time: a deadline of the driver, and so no fault.
    Unreadable,
    /// It says that another opening has taken over.
    Fenced,
}

/// Why a coordinator refuses to begin a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It knows that another opening has taken over.
    Fenced,
    /// It knows the log to be broken.
    LogBroken,
    /// A branch that the client wanted could not be had.
    Incomplete,
}

/// A step of the system: `t` is a transaction, `p` a participant, `c` a coordinator,
/// `found` participants as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the line of the story says it")]
pub enum Action {
    Begin { t: u8, c: u8, commit: bool },
    RefuseCommit { t: u8, c: u8, refusal: Refusal },
    Arrive { t: u8, p: u8, from: From, choice: Choice, twice: bool },
    Refuse { t: u8, p: u8, from: From },
    Reply { t: u8, p: u8, from: From },
    GiveUp { t: u8, p: u8, from: From },
    Lose { t: u8, p: u8, stray: Stray },
    Land { t: u8 },
    ForceReturns { t: u8 },
    ForceFails { t: u8 },
    ForceFenced { t: u8 },
    Read { t: u8, reading: Reading },
    Retry { t: u8 },
    ForceOverdue { t: u8 },
    AcknowledgeOverdue { t: u8 },
    Suspect { c: u8, t: u8, found: u8 },
    Consult { c: u8, t: u8, reading: Reading },
    NoteForgotten { t: u8 },
    ForgetLost { t: u8 },
    Expire { t: u8 },
    Open { c: u8 },
    Crash { c: u8 },
    CrashParticipant { p: u8 },
    Operator { t: u8, p: u8, commit: bool },
    SessionEnds { t: u8, p: u8 },
    LoseEvidence { t: u8, p: u8 },
}

impl Action {
    /// Whether it names only what a system of this size has.
    pub(crate) fn is_within(self, size: Size) -> bool {
        let Size { transactions, participants, coordinators, .. } = size;
        let asks = |from: From| !matches!(from, From::Recovery(c) if c >= coordinators);
        match self {
            Self::Begin { t, c, .. }
            | Self::RefuseCommit { t, c, .. }
            | Self::Consult { c, t, .. } => t < transactions && c < coordinators,
            Self::Suspect { c, t, found } => {
                t < transactions && c < coordinators && found < 1 << participants
            }
            Self::Arrive { t, p, from, .. }
            | Self::Refuse { t, p, from }
            | Self::Reply { t, p, from }
            | Self::GiveUp { t, p, from } => t < transactions && p < participants && asks(from),
            Self::Lose { t, p, .. }
            | Self::Operator { t, p, .. }
            | Self::SessionEnds { t, p }
            | Self::LoseEvidence { t, p } => t < transactions && p < participants,
            Self::Land { t }
            | Self::ForceReturns { t }
            | Self::ForceFails { t }
            | Self::ForceFenced { t }
            | Self::Read { t, .. }
            | Self::Retry { t }
            | Self::ForceOverdue { t }
            | Self::AcknowledgeOverdue { t }
            | Self::NoteForgotten { t }
            | Self::ForgetLost { t }
            | Self::Expire { t } => t < transactions,
            Self::Open { c } | Self::Crash { c } => c < coordinators,
            Self::CrashParticipant { p } => p < participants,
        }
    }

    /// Every kind of step.
    pub const KINDS: [&str; 26] = [
        "begin",
        "refuse commit",
        "arrive",
        "refuse",
        "reply",
        "give up",
        "lose",
        "land",
        "force returns",
        "force fails",
        "force fenced",
        "read",
        "retry",
        "force overdue",
        "acknowledge overdue",
        "suspect",
        "consult",
        "note forgotten",
        "forget lost",
        "expire",
        "open",
        "crash",
        "crash participant",
        "operator",
        "session ends",
        "lose evidence",
    ];

    /// Which of the [kinds](Self::KINDS) it is.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Begin { .. } => "begin",
            Self::RefuseCommit { .. } => "refuse commit",
            Self::Arrive { .. } => "arrive",
            Self::Refuse { .. } => "refuse",
            Self::Reply { .. } => "reply",
            Self::GiveUp { .. } => "give up",
            Self::Lose { .. } => "lose",
            Self::Land { .. } => "land",
            Self::ForceReturns { .. } => "force returns",
            Self::ForceFails { .. } => "force fails",
            Self::ForceFenced { .. } => "force fenced",
            Self::Read { .. } => "read",
            Self::Retry { .. } => "retry",
            Self::ForceOverdue { .. } => "force overdue",
            Self::AcknowledgeOverdue { .. } => "acknowledge overdue",
            Self::Suspect { .. } => "suspect",
            Self::Consult { .. } => "consult",
            Self::NoteForgotten { .. } => "note forgotten",
            Self::ForgetLost { .. } => "forget lost",
            Self::Expire { .. } => "expire",
            Self::Open { .. } => "open",
            Self::Crash { .. } => "crash",
            Self::CrashParticipant { .. } => "crash participant",
            Self::Operator { .. } => "operator",
            Self::SessionEnds { .. } => "session ends",
            Self::LoseEvidence { .. } => "lose evidence",
        }
    }

    /// What it takes from the budget of faults.
    pub const fn cost(self) -> u8 {
        match self {
            Self::Arrive { twice: true, .. }
            | Self::Lose { .. }
            | Self::ForceFails { .. }
            | Self::Crash { .. }
            | Self::CrashParticipant { .. }
            | Self::Operator { .. }
            | Self::LoseEvidence { .. } => 1,
            Self::Begin { .. }
            | Self::RefuseCommit { .. }
            | Self::Arrive { twice: false, .. }
            | Self::Refuse { .. }
            | Self::Reply { .. }
            | Self::GiveUp { .. }
            | Self::Land { .. }
            | Self::ForceReturns { .. }
            | Self::ForceFenced { .. }
            | Self::Read { .. }
            | Self::Retry { .. }
            | Self::ForceOverdue { .. }
            | Self::AcknowledgeOverdue { .. }
            | Self::Suspect { .. }
            | Self::Consult { .. }
            | Self::NoteForgotten { .. }
            | Self::ForgetLost { .. }
            | Self::Expire { .. }
            | Self::Open { .. }
            | Self::SessionEnds { .. } => 0,
        }
    }

    /// Whether it is a deadline or a refusal, which a calm run has none of.
    pub(super) const fn disturbs(self) -> bool {
        self.cost() > 0
            || matches!(
                self,
                Self::Begin { commit: false, .. }
                    | Self::RefuseCommit { .. }
                    | Self::Arrive { choice: Choice::No, .. }
                    | Self::Refuse { .. }
                    | Self::GiveUp { .. }
                    | Self::ForceFenced { .. }
                    | Self::Read { reading: Reading::Unreadable | Reading::Fenced, .. }
                    | Self::Consult { reading: Reading::Unreadable | Reading::Fenced, .. }
                    | Self::ForgetLost { .. }
                    | Self::ForceOverdue { .. }
                    | Self::AcknowledgeOverdue { .. }
                    | Self::Open { .. }
                    | Self::SessionEnds { .. }
            )
    }
}

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

const fn read(reading: Reading) -> &'static str {
    match reading {
        Reading::Truth => "reads the log",
        Reading::Unreadable => "cannot read the log",
        Reading::Fenced => "reads the log and is fenced",
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
