//! How decision logs are opened.

use std::error::Error;

use indoubt::{CoordinatorId, DecisionLog};
use indoubt_real::log::{FileLog, Options};

use crate::bend::Drive;
use crate::scenario::Scenario;

/// A kind of decision log.
pub trait Logs: Clone + Send + Sync + 'static {
    /// The log.
    type Log: DecisionLog;

    /// Opens the coordinator's log, on this disk, for a process that has just come up. It takes the next epoch.
    ///
    /// # Errors
    /// Whatever it cannot go on with; the process tries again after a while.
    fn open(
        &self,
        disk: Drive,
        id: CoordinatorId,
        scenario: &Scenario,
    ) -> impl Future<Output = Result<Self::Log, Box<dyn Error + Send + Sync>>> + Send;
}

/// The file log, as it ships.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileLogs;

impl FileLogs {
    /// How a scenario has it opened.
    pub(crate) fn options(scenario: &Scenario) -> Options {
        let remembered = usize::try_from(scenario.remembered).unwrap_or(usize::MAX);
        let compact_from_bytes = scenario.compact_bytes;
        Options { compact_from_bytes, remembered, ..Options::default() }
    }
}

impl Logs for FileLogs {
    type Log = FileLog<Drive>;

    async fn open(
        &self,
        disk: Drive,
        id: CoordinatorId,
        scenario: &Scenario,
    ) -> Result<FileLog<Drive>, Box<dyn Error + Send + Sync>> {
        Ok(FileLog::open(disk, id, Self::options(scenario)).await?)
    }
}
