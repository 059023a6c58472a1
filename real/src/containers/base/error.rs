//! What can go wrong with a server, and what to do about it.
//!
//! One enum per operation. Errors of Docker and of programs are kept as text: nobody can
//! act on them otherwise than by reading them.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::containers::source::IMAGE_VARIABLE;

/// No Postgres to start.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The environment variable asks for an image that Docker does not have and cannot pull.
    #[error(
        "{IMAGE_VARIABLE} names the image `{image}`, which cannot be used: {reason}. \
         Pull or load that image, or unset {IMAGE_VARIABLE} to let one be chosen"
    )]
    NamedImage {
        /// The image asked for.
        image: String,
        /// What Docker said.
        reason: String,
    },
    /// Neither Docker nor local binaries gave a server.
    #[error(
        "no Postgres server to test against: {}. Install Docker and start it, or install \
         PostgreSQL's server (Debian, Ubuntu: `apt-get install postgresql`; \
         macOS: `brew install postgresql@17` and add its bin folder to PATH)",
        join(.passed_over)
    )]
    Nothing {
        /// Everything tried, in order.
        passed_over: Vec<PassedOver>,
    },
}

/// A source that was tried and could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// The source, as a reader would name it.
    pub source: String,
    /// Why it could not be used.
    pub reason: String,
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.reason)
    }
}

fn join(passed_over: &[PassedOver]) -> String {
    passed_over.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A server did not start, or did not start again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// There is no Postgres to start.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Docker refused to create or start the container.
    #[error("Docker did not start a container of {image}: {reason}. Check that Docker can run it")]
    Docker {
        /// The image.
        image: String,
        /// What Docker said.
        reason: String,
    },
    /// `initdb` failed.
    #[error("initdb failed; run it by hand to find out why. It said: {output}")]
    Initdb {
        /// Its standard output and error.
        output: String,
    },
    /// The server's process ended before it accepted SQL.
    #[error("the server ended while starting; check the settings given to it. Its log ends: {log}")]
    Exited {
        /// The end of the server's log.
        log: String,
    },
    /// The server refused the harness's own connection for a reason that waiting cannot cure.
    #[error(
        "the server is up but refuses the harness: {}; check the settings given to it",
        in_full(.0)
    )]
    Refused(tokio_postgres::Error),
    /// The server's process runs, yet it accepted no SQL in time.
    #[error(
        "no SQL accepted on 127.0.0.1:{port} within {waited:?} (last: {last}). If Docker runs on \
         another machine, or these tests in a container of their own, its port is out of \
         reach: use local binaries instead by setting DOCKER_HOST=tcp://127.0.0.1:1"
    )]
    NotReady {
        /// The port tried.
        port: u16,
        /// How long it was tried.
        waited: Duration,
        /// What the last attempt met.
        last: String,
    },
    /// Every port tried was taken by someone else in the meantime.
    #[error("port {port} is in use, as were others before it: try again, or free some ports")]
    PortTaken {
        /// The last port tried.
        port: u16,
    },
    /// A program that every machine has was not found.
    #[error(
        "`{program}` is not on PATH, and a server on this machine needs it to be cleaned up after: put \
         the folder that it is in, as a rule /bin, on PATH"
    )]
    NotOnPath {
        /// The program's name.
        program: &'static str,
    },
    /// The machine refused something.
    #[error("cannot {action}: {why}: check the permissions and the space there")]
    Io {
        /// What was attempted.
        action: String,
        /// What the machine said.
        why: io::Error,
    },
}

impl StartError {
    pub(in crate::containers) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        |why| Self::Io { action: action.into(), why }
    }

    /// A program that is looked for on PATH did not run.
    pub(in crate::containers) fn run(program: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |why| match why.kind() {
            io::ErrorKind::NotFound => Self::NotOnPath { program },
            _ => Self::Io { action: format!("run {program}"), why },
        }
    }
}

/// An error's text with that of its causes, as far as it does not repeat them already.
pub(in crate::containers) fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// A running server could not be killed, frozen, thawed or removed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} the server: {reason}. Its state is unknown: drop it and start another")]
pub struct ControlError {
    action: &'static str,
    reason: String,
}

impl ControlError {
    pub(in crate::containers) fn because<E: fmt::Display>(
        action: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |reason| Self { action, reason: reason.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_found_is_not_called_a_matter_of_permissions() {
        let text = |kind: io::ErrorKind| StartError::run("sh")(kind.into()).to_string();
        let absent = text(io::ErrorKind::NotFound);
        assert!(absent.starts_with("`sh` is not on PATH"), "{absent}");
        assert!(!absent.contains("permission"), "{absent}");
        let forbidden = text(io::ErrorKind::PermissionDenied);
        assert!(forbidden.starts_with("cannot run sh: permission denied: check"), "{forbidden}");
    }
}
