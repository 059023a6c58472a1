//! Why a branch could not be had.

use std::error::Error;

use crate::participant::BeginError;
use crate::protocol::MAX_BRANCHES;

/// A branch that could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnlistError {
    /// The coordinator was built without this participant.
    #[error(
        "the participant {participant:?} is unknown to the coordinator: add it to the builder, so that recovery can reach it"
    )]
    Unregistered {
        /// The participant's name.
        participant: String,
    },
    /// The name is registered, for a participant of another type.
    #[error(
        "the participant registered as {participant:?} is of another type than the one given: name each participant once"
    )]
    OtherKind {
        /// The participant's name.
        participant: String,
    },
    /// A newer coordinator owns the decision log, so this one can decide nothing more.
    #[error("a newer coordinator has opened the decision log: stop this one")]
    Fenced,
    /// A transaction has at most 64 branches.
    #[error("a transaction has at most {MAX_BRANCHES} branches")]
    TooManyBranches,
    /// The participant could not begin a branch, or did not answer in time.
    #[error("{participant} could not begin a branch: {}", in_full(.why))]
    Refused {
        /// The participant's name.
        participant: String,
        /// Why, and what to do. It is in the text of this error, and so not its source: whoever
        /// prints a chain of errors reads it once.
        why: BeginError,
    },
}

impl EnlistError {
    /// Whether the same transaction, tried again from its beginning, may well get this branch: its
    /// participant is out of reach or overloaded, which may be over in a moment. What stays wrong
    /// until somebody puts it right is not retryable.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Refused { why, .. } => why.is_retryable(),
            Self::Unregistered { .. }
            | Self::OtherKind { .. }
            | Self::Fenced
            | Self::TooManyBranches => false,
        }
    }
}

/// The refusal with the errors behind it, as far as it does not repeat them already.
fn in_full(why: &BeginError) -> String {
    let mut text = why.to_string();
    let mut cause = why.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(why: BeginError) -> EnlistError {
        EnlistError::Refused { participant: "orders".to_owned(), why }
    }

    #[test]
    fn a_refusal_is_told_with_its_cause_once() {
        let plain = refused(BeginError::new("no session: see that it runs"));
        assert_eq!(
            plain.to_string(),
            "orders could not begin a branch: no session: see that it runs"
        );
        let behind = std::io::Error::other("the wire is cut");
        let because = refused(BeginError::because("no session", behind));
        assert_eq!(
            because.to_string(),
            "orders could not begin a branch: no session: the wire is cut"
        );
        assert!(because.source().is_none(), "a chain would print it twice");
    }

    #[test]
    fn only_what_the_participant_calls_retryable_is() {
        let participant = || "orders".to_owned();
        assert!(refused(BeginError::new("it is full").retryable()).is_retryable());
        for error in [
            refused(BeginError::new("it cannot prepare")),
            EnlistError::Unregistered { participant: participant() },
            EnlistError::OtherKind { participant: participant() },
            EnlistError::Fenced,
            EnlistError::TooManyBranches,
        ] {
            assert!(!error.is_retryable(), "{error}");
        }
    }
}
