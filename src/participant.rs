//! The abstract participant: all that the protocol needs of a database.
//!
//! What an implementor owes is written on each method. Timeouts are absent: the driver
//! bounds every call by dropping its future, so a future must be droppable at any await
//! without leaving the participant's own handle unusable.

use std::error::Error;
use std::fmt;
use std::future::Future;

use crate::gid::{BranchGid, CoordinatorId};
use crate::protocol::{Decision, Ending, OnePhase};

/// A resource that takes part in transactions: it can prepare a branch, so that the branch
/// survives any crash and can then be committed or rolled back by its gid alone.
///
/// A participant is a cheap handle: clones speak of the same database.
pub trait Participant: Clone + Send + Sync + 'static {
    /// One transaction's work at this participant, as the user sees it: for a database,
    /// an open session inside a transaction.
    ///
    /// Dropping a branch that was not prepared must make the participant roll it back.
    type Branch: Send + Sync + 'static;

    /// The participant's name: unique within a coordinator, and stable over restarts,
    /// because the decision log refers to it.
    fn name(&self) -> &str;

    /// Begins a branch.
    ///
    /// # Errors
    /// A refusal or a lost connection; nothing lasting has been done at the participant.
    fn begin(
        &self,
        gid: &BranchGid,
    ) -> impl Future<Output = Result<Self::Branch, BeginError>> + Send;

    /// Asks for the branch's vote.
    ///
    /// # Durability
    /// After [`Vote::Yes`] the branch survives every crash, keeps its locks, and can be
    /// committed and rolled back by gid, by anyone, until one of the two has happened.
    /// After [`Vote::No`] and [`Vote::ReadOnly`] it has ended and holds nothing.
    ///
    /// # Errors
    /// [`Lost`] whenever the vote is not known: never guess. The branch may then be
    /// prepared, or become so later.
    ///
    /// # Cancel safety
    /// Dropping the future does not call the prepare back; it counts as [`Lost`].
    fn prepare(&self, branch: &Self::Branch) -> impl Future<Output = Result<Vote, Lost>> + Send;

    /// Commits a branch that is the only one of its transaction, without preparing it: a branch that
    /// [`in_doubt`](Self::in_doubt) listed on the way, recovery would roll back, for there is no
    /// decision about it.
    ///
    /// # Errors
    /// [`Lost`] when it is not known whether it committed.
    fn commit_one_phase(
        &self,
        branch: &Self::Branch,
    ) -> impl Future<Output = Result<OnePhaseVote, Lost>> + Send;

    /// Asks how a one-phase commit ended whose answer was lost. It must not answer
    /// [`OnePhase::RolledBack`] while the commit can still happen.
    ///
    /// # Errors
    /// [`Lost`] when the participant could not be asked.
    fn inquire(&self, branch: &Self::Branch)
    -> impl Future<Output = Result<OnePhase, Lost>> + Send;

    /// Ends a branch that this process began, in whatever state it is: unprepared, prepared,
    /// or unknown because an answer was lost.
    ///
    /// The open session may serve to do it, and to fence a prepare that is still on its way.
    /// Otherwise as [`resolve`](Self::resolve).
    fn finish(
        &self,
        branch: &Self::Branch,
        decision: Decision,
    ) -> impl Future<Output = Result<Ending, Lost>> + Send;

    /// Ends a prepared branch by its gid.
    ///
    /// Idempotent: a branch that had already ended as decided is [`Ending::Earlier`], one that
    /// this call has ended [`Ending::AsDecided`]. To commit a branch that is not there is
    /// [`Ending::Earlier`] only on evidence that it committed, for which `receipt` is what
    /// [`Vote::Yes`] carried. To abort one that is not there is [`Ending::Earlier`].
    ///
    /// # Durability
    /// The ending survives every crash before this returns.
    ///
    /// # Errors
    /// [`Lost`] for everything that leaves the outcome open: no connection, a shutdown,
    /// another session at work on the same gid.
    fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> impl Future<Output = Result<Ending, Lost>> + Send;

    /// The prepared branches of this coordinator at this participant, complete or an error:
    /// a partial list is worse than none.
    ///
    /// # Errors
    /// [`Lost`] when the participant could not be asked.
    fn in_doubt(
        &self,
        owner: &CoordinatorId,
    ) -> impl Future<Output = Result<Vec<BranchGid>, Lost>> + Send;
}

/// A participant's answer to a prepare. A no is a vote, not an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vote {
    /// Durably prepared. The receipt is kept beside the decision, and given back when the
    /// branch has to be finished later.
    Yes(Receipt),
    /// The branch wrote nothing; it has ended, and needs no second phase.
    ReadOnly,
    /// The branch has rolled back, for this reason.
    No(Refusal),
}

/// A participant's answer to a one-phase commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnePhaseVote {
    /// Durably committed.
    Committed,
    /// Rolled back, for this reason.
    RolledBack(Refusal),
}

/// Why a participant rolled a branch back: for people, and for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    reason: String,
    sqlstate: Option<String>,
    retryable: bool,
}

impl Refusal {
    /// A refusal in a sentence that says what to do. It has no SQLSTATE, and to try the same
    /// transaction again is not said to help.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), sqlstate: None, retryable: false }
    }

    /// With the database's own code for it: five characters, as in the SQL standard.
    pub fn with_sqlstate(self, sqlstate: impl Into<String>) -> Self {
        Self { sqlstate: Some(sqlstate.into()), ..self }
    }

    /// Says that the same transaction, tried again from its beginning, may well succeed: it lost
    /// against others, or against an outage.
    pub fn retryable(self) -> Self {
        Self { retryable: true, ..self }
    }

    /// The sentence.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The database's code, if it gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        self.sqlstate.as_deref()
    }

    /// Whether to try the whole transaction again makes sense.
    pub const fn is_retryable(&self) -> bool {
        self.retryable
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl<T: Into<String>> From<T> for Refusal {
    fn from(reason: T) -> Self {
        Self::new(reason)
    }
}

/// What a participant wants to be reminded of when a branch is finished after a restart:
/// for Postgres, the transaction's xid. Opaque to the protocol, and logged with the decision.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Receipt(Vec<u8>);

impl Receipt {
    /// The longest receipt, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// A receipt of no content.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// A receipt with this content, unless it is longer than [`Self::MAX_BYTES`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Option<Self> {
        let bytes = bytes.into();
        if bytes.len() <= Self::MAX_BYTES { Some(Self(bytes)) } else { None }
    }

    /// The content.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Receipt {
    /// As text where it is text, as Postgres's are; else in hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipt(")?;
        match std::str::from_utf8(&self.0) {
            Ok(text) if !text.contains(char::is_control) => write!(f, "{text:?}")?,
            _ => self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?,
        }
        f.write_str(")")
    }
}

/// A branch could not be begun; nothing lasting was done.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct BeginError {
    reason: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
    retryable: bool,
}

impl BeginError {
    /// A refusal, in a sentence that says what to do. To try again is not said to help.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), source: None, retryable: false }
    }

    /// A refusal with the error behind it.
    pub fn because(
        reason: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { reason: reason.into(), source: Some(source.into()), retryable: false }
    }

    /// Says that the same transaction, tried again from its beginning, may well succeed: the
    /// participant is out of reach or overloaded, and nobody has to put anything right.
    pub fn retryable(self) -> Self {
        Self { retryable: true, ..self }
    }

    /// Whether to try the whole transaction again makes sense.
    pub const fn is_retryable(&self) -> bool {
        self.retryable
    }
}

/// The participant's answer did not come, so what happened there is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no answer: {reason}")]
pub struct Lost {
    reason: String,
}

impl Lost {
    /// The answer was lost for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    /// The reason.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

#[cfg(test)]
mod tests {
    use super::Receipt;

    #[test]
    fn a_receipt_is_shown_as_what_it_is() {
        let shown = |bytes: &[u8]| format!("{:?}", Receipt::new(bytes).expect("it is short"));
        assert_eq!(shown(b"1/0-4711"), "Receipt(\"1/0-4711\")");
        assert_eq!(shown(&[0, 0xff]), "Receipt(00ff)");
        assert_eq!(shown(&[]), "Receipt(\"\")");
    }
}
