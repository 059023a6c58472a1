//! The kinds of event.

use indoubt::Gid;
use serde::{Deserialize, Serialize};

use super::passing::{Ask, Heard, Reading};
use super::report::{Reason, Swept};
use super::service::ServiceEvent;
use crate::story::Action;

/// A transaction, as the history names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tx {
    /// The epoch of the coordinator that began it.
    pub epoch: u64,
    /// Its number within the epoch.
    pub sequence: u64,
}

impl Tx {
    /// The transaction of a gid.
    pub const fn of(gid: &Gid) -> Self {
        Self { epoch: gid.epoch, sequence: gid.sequence }
    }
}

/// A machine or a process of the simulated world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A coordinator process; 0 is the first, 1 the one that takes over from it.
    Coordinator(u8),
    /// A participant.
    Participant(u8),
}

/// What a place can suffer from for a while, and goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ailment {
    /// Its process is stopped.
    Paused,
    /// It has few slots for prepared branches.
    Slots,
    /// Its machine's clock has jumped ahead.
    Clock,
    /// What is sent to it arrives late, and calls of its disk return late.
    Slow,
}

/// A participant's vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// That it has never been begun.
    NeverBegun,
}

/// What whoever waits is promised, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[allow(
    missing_docs,
    reason = "the variants are documented, and the fields are named by one convention"
)]
pub enum Event {
    /// The run began; `calm` if nothing in it fails, `marked` if each transaction leaves a marker
    /// among the rows wherever it writes.
    Run { participants: u8, calm: bool, marked: bool },
    /// A row that a participant had before the run.
    Seeded { p: u8, key: u64, value: i64 },
    /// A client began a transaction.
    Began { tx: Tx, by: Place },
    /// A branch was begun and is known to the client.
    Enlisted { tx: Tx, p: u8 },
    /// The client asked to commit.
    AskedCommit { tx: Tx },
    /// The client got its answer, with why if it is not a commit.
    Answered {
        tx: Tx,
        told: Told,
        pending: Vec<u8>,
        heuristic: Vec<u8>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// What whoever waits is promised.
    Promised { waits: Waits },
    /// The client stopped waiting for its answer.
    Left { tx: Tx },
    /// The coordinator answered a question by gid, after so many microseconds.
    Status { tx: Tx, told: Told, after_us: u64 },
    /// A sweep of recovery that somebody waited for has ended, after so many microseconds, and says this.
    Swept { by: Place, epoch: u64, after_us: u64, says: Swept },
    /// Every handle of a coordinator was dropped, with whatever its clients were at: its driver is to end
    /// what is in flight, and then itself.
    LetGo { by: Place, epoch: u64 },
    /// A coordinator's driver has ended: by itself, or because somebody dropped it.
    DriverEnded { by: Place, epoch: u64, dropped: bool },
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
    /// A participant has been opened again, and found these branches prepared and not ended.
    Found { p: u8, prepared: Vec<Tx> },
    /// A write failed a participant's server, so that its machine loses its power.
    WriteFailed { place: Place },
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
    /// The explorer has something else after that.
    Disagreed { step: u32, what: String },
    /// A part of the run panicked, which ended it.
    Panicked { what: String },
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
    /// A place began, or ceased, to suffer from something.
    Ails { place: Place, ailment: Ailment, ails: bool },
    /// A participant cannot tell any more how a branch ended: it was prepared in a history of its server
    /// that a failover has ended.
    Untold { tx: Tx, p: u8 },
    /// A participant has lost track of its branches that were never prepared: how they ended, or that
    /// they were lost when its server crashed, it cannot tell.
    ForgotUnprepared { p: u8 },
    /// Something happened around a service of one's own.
    OfService { what: ServiceEvent },
    /// An operator ended every session of a participant.
    SessionsEnded { p: u8 },
}

/// An event and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
            | Self::Untold { tx, .. }
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
            Self::Run { .. }
            | Self::Seeded { .. }
            | Self::Promised { .. }
            | Self::Swept { .. }
            | Self::LetGo { .. }
            | Self::DriverEnded { .. }
            | Self::Forgot { .. }
            | Self::ForgotUnprepared { .. }
            | Self::SessionsEnded { .. }
            | Self::StandbyCutOff { .. }
            | Self::FailedOver { .. }
            | Self::RivalStarted
            | Self::Opened { .. }
            | Self::OpenFailed { .. }
            | Self::LogUnreadable { .. }
            | Self::Found { .. }
            | Self::WriteFailed { .. }
            | Self::Crashed { .. }
            | Self::Started { .. }
            | Self::Cut { .. }
            | Self::Mended { .. }
            | Self::TakenOver
            | Self::DiskFaulty { .. }
            | Self::Ails { .. }
            | Self::OfService { .. }
            | Self::Ordered { .. }
            | Self::Disagreed { .. }
            | Self::Panicked { .. }
            | Self::Healed
            | Self::Quiesced
            | Self::Overran
            | Self::Row { .. }
            | Self::StillLocked { .. }
            | Self::Foreign { .. } => None,
        }
    }

    /// Whether it says how it goes with places and what is between them, or with all of the run.
    pub const fn is_of_a_place(&self) -> bool {
        self.tx().is_none()
            && !matches!(
                self,
                Self::Run { .. }
                    | Self::Seeded { .. }
                    | Self::Promised { .. }
                    | Self::Row { .. }
                    | Self::StillLocked { .. }
                    | Self::Foreign { .. }
            )
    }
}

#[cfg(test)]
mod tests {
    use std::hash::Hash;

    use super::*;
    use crate::trace::Trace;

    fn traced(event: &Event) -> u64 {
        let mut trace = Trace::default();
        event.hash(&mut trace);
        trace.hash()
    }

    #[test]
    fn whatever_an_event_says_is_in_the_trace() {
        let (tx, by) = (Tx { epoch: 1, sequence: 1 }, Place::Coordinator(0));
        let failed = |why: &str| Event::OpenFailed { by, why: why.to_owned() };
        let ordered = |action| Event::Ordered { step: 1, action };
        let answered = |pending: &[u8], heuristic: &[u8]| {
            let (pending, heuristic) = (pending.to_vec(), heuristic.to_vec());
            Event::Answered { tx, told: Told::Committed, pending, heuristic, reason: None }
        };
        let mut traces = [
            failed("one"),
            failed("two"),
            ordered(Action::Crash { c: 0 }),
            ordered(Action::Crash { c: 1 }),
            answered(&[0], &[]),
            answered(&[], &[0]),
            Event::Left { tx },
            Event::Decided { tx },
        ]
        .map(|event| traced(&event));
        traces.sort_unstable();
        assert!(traces.windows(2).all(|pair| pair[0] != pair[1]), "{traces:x?}");
    }
}
