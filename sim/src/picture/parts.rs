//! What a picture consists of, as plain data: marks, messages, bars, verdicts.

use serde::{Serialize, Serializer};

use crate::history::{Ask, Place, Tx};

/// What an event looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// A client does something, or is told something.
    Client,
    /// A request goes out, or its answer comes in.
    Message,
    /// Somebody waits no longer.
    GaveUp,
    /// A vote for the commit.
    Yes,
    /// A vote against it.
    No,
    /// The force of a decision begins.
    Force,
    /// A decision is durable.
    Decision,
    /// A branch has committed.
    Committed,
    /// A branch has rolled back.
    RolledBack,
    /// The log is opened, read, or told to forget.
    Log,
    /// Something fails.
    Fault,
    /// It works again.
    Repair,
    /// Somebody who is not the coordinator meddles, or it is noticed.
    Stranger,
    /// It is about all of the run.
    Run,
    /// What a participant holds.
    Rows,
}

/// The arrow that an event is by itself, without a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrow {
    /// None.
    None,
    /// From its lane to its peer.
    Out,
    /// From its peer to its lane.
    In,
    /// From its lane towards its peer, where nothing comes of it.
    Failed,
}

/// An event as it is drawn. A picture has one for each event of its history, in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// When, in microseconds of virtual time.
    pub at_us: u64,
    /// In which lane, by its number; across all if in none.
    pub lane: Option<usize>,
    /// The lane on the other side, if there is one.
    pub peer: Option<usize>,
    /// Whether there is an arrow between the two by itself.
    pub arrow: Arrow,
    /// What it looks like.
    pub kind: MarkKind,
    /// A few words.
    pub short: String,
    /// The line of the history.
    pub text: String,
    /// The transaction that it is about.
    #[serde(serialize_with = "named")]
    pub tx: Option<Tx>,
}

/// How waiting for an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The answer came.
    Heard,
    /// It came, and says that it could not be done.
    Refused,
    /// Whoever asked stopped waiting.
    GaveUp,
    /// Whoever asked died.
    Died,
    /// The history does not say.
    Never,
}

/// A request of a coordinator, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Its transaction.
    #[serde(serialize_with = "name")]
    pub tx: Tx,
    /// Who is asked.
    pub p: u8,
    /// Who asks.
    pub by: Place,
    /// For what.
    pub ask: Ask,
    /// The lane of who asks.
    pub from: usize,
    /// The lane of who is asked.
    pub to: usize,
    /// The mark where it is sent.
    pub asked: usize,
    /// The mark of what the participant did, if something is known to have come of it.
    pub done: Option<usize>,
    /// The mark where waiting for it ended.
    pub closed: Option<usize>,
    /// How that ended.
    pub end: End,
}

impl Message {
    /// Whether it is known to have reached whom it is for.
    pub const fn reached(&self) -> bool {
        self.done.is_some() || self.answered()
    }

    /// Whether its answer was heard.
    pub const fn answered(&self) -> bool {
        matches!(self.end, End::Heard | End::Refused)
    }
}

/// What lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BarKind {
    /// A place is down.
    Down,
    /// Packets from one lane to its peer vanish.
    Cut,
    /// A disk fails, or hangs.
    Sick,
    /// A place suffers from something, and goes on.
    Ailing,
    /// A process is stopped.
    Paused,
    /// A standby receives nothing.
    Stale,
    /// A decision is being forced.
    Forcing,
    /// The log holds a decision that is not known to be finished.
    Owed,
    /// A branch is prepared, and in doubt.
    Prepared,
}

/// Something that lasts, between two marks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// What.
    pub kind: BarKind,
    /// In which lane.
    pub lane: usize,
    /// The lane on the other side of a cut.
    pub peer: Option<usize>,
    /// Of which transaction.
    #[serde(serialize_with = "named")]
    pub tx: Option<Tx>,
    /// The mark where it begins.
    pub from: usize,
    /// The mark where it ends; at the end of the run if nowhere.
    pub until: Option<usize>,
}

/// A broken invariant, where it broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Its name.
    pub invariant: String,
    /// What it claims.
    pub claim: String,
    /// What broke it.
    pub what: String,
    /// The mark with which it became true.
    pub mark: usize,
}

/// A transaction as the command line takes it: `1:3`.
pub fn tx_name(tx: Tx) -> String {
    format!("{}:{}", tx.epoch, tx.sequence)
}

fn name<S: Serializer>(tx: &Tx, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&tx_name(*tx))
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn named<S: Serializer>(tx: &Option<Tx>, serializer: S) -> Result<S::Ok, S::Error> {
    match tx {
        Some(tx) => name(tx, serializer),
        None => serializer.serialize_none(),
    }
}
