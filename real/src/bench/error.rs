//! What can go wrong with a bench, and what to do about it: one type for each operation.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use indoubt::{BuildError, RecoveryReport};

use super::moment::Moment;
use super::sql_error::SqlError;
use crate::containers::StartError;
use crate::log::OpenError;

/// A bench could not be set up, or a coordinator could not be opened on it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// A server did not start; among others, because there is no Postgres to start.
    #[error(transparent)]
    Server(#[from] StartError),
    /// A database could not be created.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// Two databases of one bench have the same name, and so would their participants.
    #[error("two databases of the bench are called {name}: name each once, as participants are")]
    SameName {
        /// The name.
        name: String,
    },
    /// No proxy could be put before a server.
    #[error("cannot listen on 127.0.0.1 for a proxy: {0}: see whether this process may open ports")]
    Proxy(io::Error),
    /// There is no place for the decisions.
    #[error(
        "cannot use {} for decisions: {why}: check the permissions and the space there",
        .path.display()
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the machine said.
        why: io::Error,
    },
    /// The decision log could not be opened.
    #[error(
        "the bench's decision log cannot be opened: {0}; if it is said to be open already, something still has a \
         handle of the coordinator before: drop its coordinator and its transactions, and end its tasks"
    )]
    Log(OpenError),
    /// The coordinator could not be made.
    #[error(transparent)]
    Coordinator(#[from] BuildError),
}

/// No commit has come to the moment at which it was to be held.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no commit came to {moment:?}, for a minute or until the coordinator was gone: see how the transaction ended; one \
     of a single branch, or whose branches have only read, needs no decision and never comes there"
)]
pub struct NotReached {
    pub(super) moment: Moment,
}

/// Recovery did not reach everything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "sweeps did not reach everything within {waited:?}, the last one said: {report}; heal what is cut, and restart \
     what was killed"
)]
pub struct Unsettled {
    /// What the last sweep found.
    pub report: Box<RecoveryReport>,
    pub(super) waited: Duration,
}

/// A coordinator that was to stop is still in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the coordinator did not stop within {waited:?}, and was crashed: something still has a handle of it, or a \
     transaction; drop them first"
)]
pub struct StillHeld {
    pub(super) waited: Duration,
}
