//! The kinds of event.

use serde::Serialize;

use super::edge::{Ask, Heard, Reading};
use crate::explore::Action;
use crate::trace::Trace;

/// A transaction, as the history names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Tx {
    /// The epoch of the coordinator that began it.
    pub epoch: u64,
    /// Its number within the epoch.
    pub sequence: u64,
}

/// A machine or a process of the simulated world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A coordinator process; 0 is the first, 1 the one that takes over from it.
    Coordinator(u8),
    /// A participant.
    Participant(u8),
}

/// A participant's vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VoteKind {
    /// Durably prepared.
    Yes,
    /// Nothing written.
    ReadOnly,
    /// Rolled back.
    No,
}

/// What a client was told of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Committed.
    Committed,
    /// Aborted.
    Aborted,
    /// In doubt.
    InDoubt,
    /// That the log no longer remembers it.
    Expired,
}

/// What whoever waits is promised, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Waits {
    /// The longest from a client's asking to commit to its answer.
    pub answer_us: u64,
    /// The same for whatever the participant that is sick has a part in.
    pub sick_answer_us: u64,
    /// The participant that is sick, if one is.
    pub sick: Option<u8>,
    /// The longest from a question by gid to its answer.
    pub status_us: u64,
    /// The longest that a branch of an earlier opening stays prepared, from the next opening on; not
    /// said if it depends on faults. Nothing is said of a participant that is sick.
    pub orphan_us: Option<u64>,
}

/// Something that happened. Fields named `p` are participants, `tx` transactions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[allow(
    missing_docs,
    reason = "the variants are documented, and the fields are named by one convention"
)]
pub enum Event {
    /// The run began; `calm` if nothing in it fails.
    Run { participants: u8, calm: bool },
    /// A row that a participant had before the run.
    Seeded { p: u8, key: u64, value: i64 },
    /// A client began a transaction.
    Began { tx: Tx, by: Place },
    /// A branch was begun and is known to the client.
    Enlisted { tx: Tx, p: u8 },
    /// The client asked to commit.
    AskedCommit { tx: Tx },
    /// The client got its answer.
    Answered { tx: Tx, told: Told, pending: Vec<u8>, heuristic: Vec<u8> },
    /// What whoever waits is promised.
    Promised { waits: Waits },
    /// The client stopped waiting for its answer.
    Left { tx: Tx },
    /// The coordinator answered a question by gid, after so many microseconds.
    Status { tx: Tx, told: Told, after_us: u64 },
    /// A vote, durable if it is a yes.
    Voted { tx: Tx, p: u8, vote: VoteKind },
    /// A branch has durably ended.
    Ended { tx: Tx, p: u8, committed: bool, one_phase: bool, by_recovery: bool },
    /// A session that was neither prepared nor ended was idle for too long and rolled back.
    Expired { tx: Tx, p: u8 },
    /// Someone who is not the coordinator ended a prepared branch.
    OperatorEnded { tx: Tx, p: u8, committed: bool },
    /// A participant lost all evidence of how the transactions ended that have.
    Forgot { p: u8 },
    /// A participant's standby receives nothing from now on.
    StandbyCutOff { p: u8 },
    /// The standby has taken its place: all that was durable since it was cut off is lost.
    FailedOver { p: u8 },
    /// Another process under the coordinator's id, over a log of its own, asked for the end of a
    /// prepared branch, and was obeyed.
    Trespassed { tx: Tx, p: u8 },
    /// Such a process came up.
    RivalStarted,
    /// An operator said that he has seen to branches that cannot say how they ended.
    Acknowledged { tx: Tx },
    /// The coordinator learned that a branch had been ended by someone else.
    HeuristicReported { tx: Tx, p: u8 },
    /// The force of a decision was begun.
    Deciding { tx: Tx, branches: u32 },
    /// The force of a decision returned: it is durable.
    Decided { tx: Tx },
    /// The force of a decision failed; `fenced` by a newer coordinator, or unknown.
    ForceFailed { tx: Tx, fenced: bool },
    /// A commit was noted as finished everywhere.
    Forgotten { tx: Tx, by: Place },
    /// A coordinator opened the log, which held these unfinished decisions.
    Opened { by: Place, epoch: u64, unfinished: Vec<Tx> },
    /// A coordinator could not open the log this time.
    OpenFailed { by: Place, why: String },
    /// A coordinator asked something of a participant.
    Asked { tx: Tx, p: u8, by: Place, ask: Ask },
    /// It got its answer.
    Heard { tx: Tx, p: u8, by: Place, ask: Ask, heard: Heard },
    /// It stopped waiting for the answer.
    GaveUp { tx: Tx, p: u8, by: Place, ask: Ask },
    /// What the log said of a transaction.
    LogRead { tx: Tx, by: Place, reading: Reading },
    /// The log did not say what is unfinished: it could not be read, or is fenced.
    LogUnreadable { by: Place },
    /// A place lost power or was killed.
    Crashed { place: Place },
    /// A place came up.
    Started { place: Place },
    /// Packets from one place to another vanish.
    Cut { from: Place, to: Place },
    /// They do so no longer.
    Mended { from: Place, to: Place },
    /// The coordinator's lock on its log was broken, and a second coordinator came up.
    TakenOver,
    /// A disk's operations began, or ceased, to fail or to hang.
    DiskFaulty { place: Place, faulty: bool },
    /// The next thing that the order of the run's events has happen, counted from 1.
    Ordered { step: u32, action: Action },
    /// All faults ended: from here on everything must come to rest.
    Healed,
    /// Everything came to rest.
    Quiesced,
    /// The bound passed and something was still at work.
    Overran,
    /// At the end, a row of a participant.
    Row { p: u8, key: u64, value: i64 },
    /// At the end, a branch of ours that is still prepared.
    StillPrepared { tx: Tx, p: u8 },
    /// At the end, rows that are locked.
    StillLocked { p: u8, rows: u32 },
    /// At the end, a decision that the log still owes.
    StillUnfinished { tx: Tx },
    /// At the end, how many of the prepared branches that are not ours are as they were.
    Foreign { p: u8, expected: u32, found: u32 },
}

/// An event and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Virtual time since the run began, in microseconds.
    pub at_us: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Event {
    /// The transaction that it is about, if it is about one.
    pub const fn tx(&self) -> Option<Tx> {
        match *self {
            Self::Began { tx, .. }
            | Self::Enlisted { tx, .. }
            | Self::AskedCommit { tx }
            | Self::Left { tx }
            | Self::Trespassed { tx, .. }
            | Self::Acknowledged { tx }
            | Self::Answered { tx, .. }
            | Self::Status { tx, .. }
            | Self::Voted { tx, .. }
            | Self::Ended { tx, .. }
            | Self::Expired { tx, .. }
            | Self::OperatorEnded { tx, .. }
            | Self::HeuristicReported { tx, .. }
            | Self::Deciding { tx, .. }
            | Self::Decided { tx }
            | Self::ForceFailed { tx, .. }
            | Self::Forgotten { tx, .. }
            | Self::Asked { tx, .. }
            | Self::Heard { tx, .. }
            | Self::GaveUp { tx, .. }
            | Self::LogRead { tx, .. }
            | Self::StillPrepared { tx, .. }
            | Self::StillUnfinished { tx } => Some(tx),
            _ => None,
        }
    }

    /// Mixes the event into a trace: its kind, then its fields in order.
    #[rustfmt::skip]
    pub(super) fn mix_into(&self, trace: &mut Trace) {
        use Event as E;
        match self {
            E::Began { tx, by } => mix(trace, 1, &[tx.word(), by.word()]),
            E::Enlisted { tx, p } => mix(trace, 2, &[tx.word(), (*p).into()]),
            E::AskedCommit { tx } => mix(trace, 3, &[tx.word()]),
            E::Answered { tx, told, pending, heuristic } => {
                mix(trace, 4, &[tx.word(), *told as u64]);
                for p in pending.iter().chain(heuristic) {
                    trace.word((*p).into());
                }
            }
            E::Promised { waits: Waits { answer_us, sick_answer_us, status_us, orphan_us, sick } } => {
                let sick = sick.map_or(u64::MAX, u64::from);
                mix(trace, 38, &[*answer_us, *sick_answer_us, *status_us, orphan_us.unwrap_or(u64::MAX), sick]);
            }
            E::Left { tx } => mix(trace, 39, &[tx.word()]),
            E::Forgot { p } => mix(trace, 40, &[(*p).into()]),
            E::StandbyCutOff { p } => mix(trace, 44, &[(*p).into()]),
            E::FailedOver { p } => mix(trace, 45, &[(*p).into()]),
            E::Trespassed { tx, p } => mix(trace, 41, &[tx.word(), (*p).into()]),
            E::RivalStarted => mix(trace, 42, &[]),
            E::Acknowledged { tx } => mix(trace, 43, &[tx.word()]),
            E::Status { tx, told, after_us } => mix(trace, 5, &[tx.word(), *told as u64, *after_us]),
            E::Voted { tx, p, vote } => mix(trace, 6, &[tx.word(), (*p).into(), *vote as u64]),
            E::Ended { tx, p, committed, one_phase, by_recovery } => {
                let how = u64::from(*committed) | u64::from(*one_phase) << 1 | u64::from(*by_recovery) << 2;
                mix(trace, 7, &[tx.word(), (*p).into(), how]);
            }
            E::OperatorEnded { tx, p, committed } => mix(trace, 8, &[tx.word(), (*p).into(), (*committed).into()]),
            E::HeuristicReported { tx, p } => mix(trace, 9, &[tx.word(), (*p).into()]),
            E::Deciding { tx, branches } => mix(trace, 10, &[tx.word(), (*branches).into()]),
            E::Decided { tx } => mix(trace, 11, &[tx.word()]),
            E::ForceFailed { tx, fenced } => mix(trace, 12, &[tx.word(), (*fenced).into()]),
            E::Forgotten { tx, by } => mix(trace, 13, &[tx.word(), by.word()]),
            E::Opened { by, epoch, unfinished } => {
                mix(trace, 14, &[by.word(), *epoch]);
                for tx in unfinished {
                    trace.word(tx.word());
                }
            }
            E::OpenFailed { by, why } => mix(trace, 15, &[by.word(), why.len() as u64]),
            E::Asked { tx, p, by, ask } => mix(trace, 34, &[tx.word(), (*p).into(), by.word(), *ask as u64]),
            E::Heard { tx, p, by, ask, heard } => {
                mix(trace, 35, &[tx.word(), (*p).into(), by.word(), *ask as u64, *heard as u64]);
            }
            E::GaveUp { tx, p, by, ask } => mix(trace, 36, &[tx.word(), (*p).into(), by.word(), *ask as u64]),
            E::LogRead { tx, by, reading } => mix(trace, 37, &[tx.word(), by.word(), *reading as u64]),
            E::LogUnreadable { by } => mix(trace, 16, &[by.word()]),
            E::Crashed { place } => mix(trace, 17, &[place.word()]),
            E::Started { place } => mix(trace, 18, &[place.word()]),
            E::Cut { from, to } => mix(trace, 19, &[from.word(), to.word()]),
            E::Mended { from, to } => mix(trace, 20, &[from.word(), to.word()]),
            E::TakenOver => mix(trace, 21, &[]),
            E::DiskFaulty { place, faulty } => mix(trace, 22, &[place.word(), (*faulty).into()]),
            E::Healed => mix(trace, 23, &[]),
            E::Quiesced => mix(trace, 24, &[]),
            E::Overran => mix(trace, 25, &[]),
            E::Row { p, key, value } => mix(trace, 26, &[(*p).into(), *key, value.cast_unsigned()]),
            E::StillPrepared { tx, p } => mix(trace, 27, &[tx.word(), (*p).into()]),
            E::StillLocked { p, rows } => mix(trace, 28, &[(*p).into(), (*rows).into()]),
            E::StillUnfinished { tx } => mix(trace, 29, &[tx.word()]),
            E::Foreign { p, expected, found } => mix(trace, 30, &[(*p).into(), (*expected).into(), (*found).into()]),
            E::Expired { tx, p } => mix(trace, 33, &[tx.word(), (*p).into()]),
            E::Ordered { step, .. } => mix(trace, 34, &[(*step).into()]),
            E::Run { participants, calm } => mix(trace, 31, &[(*participants).into(), (*calm).into()]),
            E::Seeded { p, key, value } => mix(trace, 32, &[(*p).into(), *key, value.cast_unsigned()]),
        }
    }
}

fn mix(trace: &mut Trace, kind: u64, fields: &[u64]) {
    trace.word(kind);
    for field in fields {
        trace.word(*field);
    }
}

impl Tx {
    const fn word(self) -> u64 {
        self.epoch << 32 ^ self.sequence
    }
}

impl Place {
    fn word(self) -> u64 {
        match self {
            Self::Coordinator(index) => u64::from(index),
            Self::Participant(index) => 0x100 | u64::from(index),
        }
    }
}
