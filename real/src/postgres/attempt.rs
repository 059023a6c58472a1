//! How an attempt to open a session with one address fails.

use std::io;
use std::time::Duration;

use super::failure::describe;
use super::retry::{is_retryable, is_temporary_lookup};

/// Why an attempt failed.
#[derive(Debug)]
pub(super) enum AttemptError {
    /// The name could not be resolved.
    Resolve(io::Error),
    /// The address could not be connected to.
    Dial(io::Error),
    /// The server, or what answers in its place, did not open a session.
    Startup(tokio_postgres::Error),
    /// Nothing came within the time that an attempt has.
    Silent(Duration),
    /// A session was opened, and ended before it said what the server is.
    Mute,
    /// A session was opened, and the server is a standby.
    Standby,
    /// A session was opened; its transactions are read-only, and `target_session_attrs` asks
    /// for others.
    ReadOnly,
}

impl AttemptError {
    /// Whether no other address may be tried.
    pub(super) fn ends_the_search(&self) -> bool {
        // Class 28, "invalid authorization specification".
        matches!(self, Self::Startup(error)
            if error.code().is_some_and(|code| code.code().starts_with("28")))
    }

    /// Whether another attempt at this address may well succeed, with nothing put right meanwhile.
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Self::Resolve(error) => is_temporary_lookup(error),
            Self::Startup(error) => is_retryable(error),
            Self::Dial(_) | Self::Silent(_) | Self::Mute => true,
            Self::Standby | Self::ReadOnly => false,
        }
    }

    /// What happened, in a few words.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Resolve(error) => format!("the host cannot be found: {error}"),
            Self::Dial(error) => format!("cannot connect: {error}"),
            Self::Startup(error) => format!("cannot open a session: {}", describe(error)),
            Self::Silent(limit) => format!("nothing answered within {limit:?}"),
            Self::Mute => "the session ended as soon as it was opened".to_owned(),
            Self::Standby => "the server is a standby".to_owned(),
            Self::ReadOnly => "the server's sessions are read-only by default".to_owned(),
        }
    }
}
