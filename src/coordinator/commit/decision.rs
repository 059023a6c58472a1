//! What the log is asked for a transaction: to force its decision, and what it holds after all.

use std::sync::Arc;

use super::super::shared::Shared;
use super::event::{Detail, Event};
use crate::gid::Gid;
use crate::log::{Commit, Entry, ForceError, LogError};
use crate::protocol::{ForceFailure, InLog, Input, LogFailure};

pub(super) async fn force(shared: &Shared, commit: Arc<Commit>) -> Event {
    match shared.force(&commit).await {
        Ok(()) => (Input::Forced(Ok(())), Detail::Nothing),
        Err(error) => {
            let failure = match error {
                ForceError::Fenced { .. } => ForceFailure::Fenced,
                ForceError::Unknown { .. } => ForceFailure::Unknown,
            };
            (Input::Forced(Err(failure)), Detail::OfTheLog(error.to_string()))
        }
    }
}

pub(super) async fn read(shared: &Shared, gid: Gid) -> Event {
    match shared.read(&gid).await {
        Ok(Entry::Unfinished(_) | Entry::Finished) => {
            (Input::LogRead(Ok(InLog::Decision)), Detail::Nothing)
        }
        Ok(Entry::Absent) => (Input::LogRead(Ok(InLog::Nothing)), Detail::Nothing),
        Ok(Entry::Expired) => {
            let detail = Detail::OfTheLog("the log has outlived the transaction".to_owned());
            (Input::LogRead(Ok(InLog::Expired)), detail)
        }
        Err(error) => {
            let failure = log_failure(&error);
            (Input::LogRead(Err(failure)), Detail::OfTheLog(error.to_string()))
        }
    }
}

pub(in crate::coordinator) const fn log_failure(error: &LogError) -> LogFailure {
    match error {
        LogError::Fenced { .. } => LogFailure::Fenced,
        LogError::Unreadable { .. } => LogFailure::Unreadable,
    }
}
