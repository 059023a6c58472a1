//! What went wrong with a statement, in the only two kinds that matter here: the server
//! refused it, or its answer is lost.
//!
//! The rule: a refusal is definite only if the session lives on. Whatever ends a session may
//! have come before or after the effect, so it is a lost answer, never a definite one; that
//! covers an administrator's shutdown (57P01), a crash of another backend (57P02), a server
//! that is starting or stopping (57P03) and every connection exception (class 08).

use std::error::Error as _;
use std::fmt;

use indoubt::{BeginError, Lost};
use tokio_postgres::error::{DbError, Severity, SqlState};

use super::retry::is_retryable_code;

/// Why a statement gave no result.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server refused it, and said so; the session lives.
    Refused(Refusal),
    /// No answer that could be relied on.
    Lost(Lost),
}

/// A server's refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: SqlState,
    text: String,
}

impl Failure {
    pub(super) fn of(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(refusal) if !ends_the_session(refusal) => Self::Refused(Refusal::of(refusal)),
            _ => Self::Lost(Lost::new(describe(error))),
        }
    }

    /// A branch that could not be begun, told with this failure's text. A lost answer is an outage,
    /// which may be over at another attempt; of a refusal its code says so.
    pub(super) fn into_begin_error(self, tell: impl FnOnce(&str) -> String) -> BeginError {
        let retryable = match &self {
            Self::Refused(refusal) => is_retryable_code(refusal.code.code()),
            Self::Lost(_) => true,
        };
        let told = BeginError::new(tell(self.into_lost().reason()));
        if retryable { told.retryable() } else { told }
    }

    /// As a lost answer: for statements whose refusal leaves the outcome open.
    pub(super) fn into_lost(self) -> Lost {
        match self {
            Self::Refused(refusal) => Lost::new(refusal.to_string()),
            Self::Lost(lost) => lost,
        }
    }
}

impl Refusal {
    fn of(error: &DbError) -> Self {
        Self { code: error.code().clone(), text: describe_refusal(error) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn ends_the_session(error: &DbError) -> bool {
    let code = error.code();
    matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
        || code.code().starts_with("08")
        || [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW]
            .contains(code)
}

/// The error in one line. The driver's own text for a refusal is "db error".
pub(crate) fn describe(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(refusal), _) => describe_refusal(refusal),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}

fn describe_refusal(error: &DbError) -> String {
    let mut text = format!("{} (SQLSTATE {})", error.message(), error.code().code());
    for more in [error.detail(), error.hint()].into_iter().flatten() {
        text.push_str("; ");
        text.push_str(more);
    }
    text
}
