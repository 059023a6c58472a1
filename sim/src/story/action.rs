//! What can happen next, in the protocol's terms.
//!
//! Its serde form is what a counterexample file holds, and what replays.

mod words;

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

    pub(crate) const fn bit(self) -> u8 {
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
pub enum LogReading {
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
    Read { t: u8, reading: LogReading },
    Retry { t: u8 },
    ForceOverdue { t: u8 },
    AcknowledgeOverdue { t: u8 },
    Suspect { c: u8, t: u8, found: u8 },
    Consult { c: u8, t: u8, reading: LogReading },
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
    pub(crate) const fn disturbs(self) -> bool {
        self.cost() > 0
            || matches!(
                self,
                Self::Begin { commit: false, .. }
                    | Self::RefuseCommit { .. }
                    | Self::Arrive { choice: Choice::No, .. }
                    | Self::Refuse { .. }
                    | Self::GiveUp { .. }
                    | Self::ForceFenced { .. }
                    | Self::Read { reading: LogReading::Unreadable | LogReading::Fenced, .. }
                    | Self::Consult { reading: LogReading::Unreadable | LogReading::Fenced, .. }
                    | Self::ForgetLost { .. }
                    | Self::ForceOverdue { .. }
                    | Self::AcknowledgeOverdue { .. }
                    | Self::Open { .. }
                    | Self::SessionEnds { .. }
            )
    }
}
