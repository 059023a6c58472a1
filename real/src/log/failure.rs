//! Why the log did not do as it was asked, before it is known who asked.

use std::io;

use indoubt::{ForceError, LogError};

/// Why the log did not do as it was asked.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    Fenced,
    Io(String),
}

impl Failure {
    pub(super) fn of_force(self, epoch: u64) -> ForceError {
        match self {
            Self::Fenced => ForceError::Fenced { epoch },
            Self::Io(reason) => ForceError::Unknown { reason },
        }
    }

    pub(super) fn of_log(self, epoch: u64) -> LogError {
        match self {
            Self::Fenced => LogError::Fenced { epoch },
            Self::Io(reason) => LogError::Unreadable { reason },
        }
    }

    pub(super) fn io(action: &str, error: &io::Error) -> Self {
        Self::Io(format!("cannot {action}: {error}"))
    }
}
