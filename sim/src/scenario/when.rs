//! When a fault begins: at a time, or at an event of the run.

use serde::{Deserialize, Serialize};

use super::ScenarioError;
use crate::history::Place;

/// When a fault begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// So many milliseconds from the start.
    At(u64),
    /// So many microseconds after something has happened; at 0 within the step in which it happens,
    /// before anything that follows from it.
    On(Cue, u64),
}

/// Something that happens in a run, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cue {
    /// What.
    pub event: Sight,
    /// Where; or wherever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Place>,
    /// The how many-th, from 1.
    pub nth: u32,
}

/// The kinds of things that a fault can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// A client begins a transaction.
    Begin,
    /// A client asks to commit.
    AskCommit,
    /// A client is told an outcome.
    Answer,
    /// A coordinator asks something of a participant about a branch.
    Ask,
    /// It has its answer.
    Hear,
    /// A participant's yes is durable.
    Vote,
    /// The force of a decision is begun.
    Force,
    /// A decision is durable, and its force returns.
    Decision,
    /// A branch has durably ended at a participant.
    End,
    /// The log is told that a commit is finished everywhere.
    Forget,
    /// A coordinator has opened the log.
    Open,
    /// The log has said something of a transaction.
    Read,
    /// A coordinator begins a sweep of recovery.
    Sweep,
    /// A participant receives a request to prepare.
    Prepare,
    /// A participant receives a request to commit what is prepared.
    Commit,
    /// A participant receives a request to roll back.
    Abort,
    /// A participant receives a request to commit in one phase.
    OnePhase,
    /// A sync of a disk has been carried out.
    Sync,
    /// Anything at which a place meets the world: a message is sent or received, a call of its disk
    /// begins or has been carried out.
    Step,
}

impl Sight {
    /// Every one.
    pub const ALL: [Self; 19] = [
        Self::Begin,
        Self::AskCommit,
        Self::Answer,
        Self::Ask,
        Self::Hear,
        Self::Vote,
        Self::Force,
        Self::Decision,
        Self::End,
        Self::Forget,
        Self::Open,
        Self::Read,
        Self::Sweep,
        Self::Prepare,
        Self::Commit,
        Self::Abort,
        Self::OnePhase,
        Self::Sync,
        Self::Step,
    ];

    /// Whether it can be seen at this place: what clients and decisions are about is not told by
    /// place.
    const fn is_at(self, place: Place) -> bool {
        match self {
            Self::AskCommit | Self::Answer | Self::Force | Self::Decision => false,
            Self::Vote
            | Self::End
            | Self::Prepare
            | Self::Commit
            | Self::Abort
            | Self::OnePhase => matches!(place, Place::Participant(_)),
            Self::Begin
            | Self::Ask
            | Self::Hear
            | Self::Forget
            | Self::Open
            | Self::Read
            | Self::Sweep => matches!(place, Place::Coordinator(_)),
            Self::Sync | Self::Step => true,
        }
    }
}

impl When {
    /// For a list in order: those at a time by it, the others behind them.
    pub(super) const fn order(self) -> u64 {
        match self {
            Self::At(ms) => ms,
            Self::On(..) => u64::MAX,
        }
    }

    /// Whether it can come.
    pub(super) fn check(self, longest_ms: u64) -> Result<(), ScenarioError> {
        let Self::On(Cue { event, at, nth }, after_us) = self else {
            let Self::At(ms) = self else { return Ok(()) };
            return super::text::in_range("at_ms", ms, 0, longest_ms);
        };
        super::text::in_range("after_us", after_us, 0, 1_000 * longest_ms)?;
        super::text::in_range("nth", nth.into(), 1, 1_000_000)?;
        match at {
            Some(place) if !event.is_at(place) => Err(ScenarioError::OutOfRange {
                field: "at",
                value: place.to_string(),
                expected: format!("this event is not seen there; leave `at` out ({event:?})"),
            }),
            Some(_) | None => Ok(()),
        }
    }
}
