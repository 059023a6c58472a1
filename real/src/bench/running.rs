//! A coordinator that runs on the bench, until it is stopped or crashed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::BoxFuture;
use indoubt::{Builder, Coordinator, Deadlines, RecoveryReport};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::database::Database;
use super::error::{BenchError, StillHeld, Unsettled};
use super::hold::{Hold, Holds};
use super::log::Log;
use super::moment::Moment;
use crate::clock::TokioClock;
use crate::log::{Directory, FileLog, OpenError, Options};
use crate::postgres::Postgres;

/// The coordinator's id.
const ID: &str = "bench";

/// How long a crashed coordinator's log may take to be let go of.
const RELEASED_WITHIN: Duration = Duration::from_secs(5);

/// How long recovery may take to reach everything; a server that was restarted replays its own
/// log first.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);

/// How long a clean stop may take.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// What a coordinator on the bench waits for, unless told otherwise: a few seconds for each step,
/// so that a test of an outage is short. The driver sweeps at its start, and then not for an hour,
/// so that a test sees what is left in doubt; it sweeps by [`Running::settle`].
pub const DEADLINES: Deadlines = Deadlines {
    begin: Duration::from_secs(10),
    prepare: Duration::from_secs(5),
    force: Duration::from_secs(10),
    finish: Duration::from_secs(3),
    acknowledge: Duration::from_secs(4),
    scan: Duration::from_secs(3),
    recovery_interval: Duration::from_secs(3600),
};

/// A coordinator over the bench's databases and its log, and the driver that runs beside it.
///
/// Dropping it is a crash that nobody waits for.
pub struct Running<const N: usize> {
    coordinator: Coordinator,
    participants: [Postgres; N],
    process: Process<N>,
}

impl<const N: usize> Running<N> {
    pub(super) async fn open(
        databases: [Database; N],
        directory: &Path,
        build: impl FnOnce(Builder) -> Builder,
    ) -> Result<Self, BenchError> {
        let holds = Holds::default();
        let participants = databases.each_ref().map(Database::participant);
        let builder = builder(directory.to_owned(), holds.clone(), participants.to_vec()).await?;
        let (coordinator, driver) = build(builder).build()?;
        let process = Process { driver: tokio::spawn(driver.run()), databases, holds };
        Ok(Self { coordinator, participants, process })
    }

    /// The coordinator, for whatever is tested. Its clones have to be dropped before another can
    /// be opened on the bench.
    pub fn coordinator(&self) -> &Coordinator {
        &self.coordinator
    }

    /// The participants, in the order of the databases; each opening has fresh ones.
    pub fn participants(&self) -> &[Postgres; N] {
        &self.participants
    }

    /// Holds the next commit that comes to this moment. Several holds take one commit each, in the
    /// order in which they were asked for.
    pub fn hold(&self, moment: Moment) -> Hold {
        self.process.holds.add(moment)
    }

    /// Sweeps until a sweep has reached everything, and returns its report: then nothing of this
    /// coordinator's that was begun before is in doubt. The driver's own sweep may have done the
    /// work, and then there is little to report.
    ///
    /// A prepare that was given up on may still arrive after a sweep, for instance when a frozen
    /// server goes on: settle again then.
    ///
    /// # Errors
    /// [`Unsettled`] after half a minute.
    pub async fn settle(&self) -> Result<RecoveryReport, Unsettled> {
        let begin = Instant::now();
        loop {
            let report = self.coordinator.recover().await;
            if report.is_complete() {
                return Ok(report);
            }
            let waited = begin.elapsed();
            if waited > SETTLED_WITHIN {
                return Err(Unsettled { report: Box::new(report), waited });
            }
            sleep(BETWEEN_ATTEMPTS).await;
        }
    }

    /// Ends the coordinator as the death of its process does, and returns when it is gone: nothing
    /// of what it was at is finished, and its sessions are cut. Whoever waits for a commit is told
    /// that it is in doubt.
    ///
    /// What it was about to send is never sent; what a server has already received is done there.
    pub async fn crash(self) {
        self.process.crash().await;
    }

    /// Stops the coordinator cleanly, as a service does that is asked to end: every handle is
    /// dropped, and the driver ends what is in flight and writes down what it noted.
    ///
    /// # Errors
    /// [`StillHeld`] after half a minute; then it was crashed.
    pub async fn stop(self) -> Result<(), StillHeld> {
        let Self { coordinator, participants, process } = self;
        drop((coordinator, participants));
        process.stop().await
    }
}

/// What of a process there is here: the driver's task, and the sessions through the proxies.
#[derive(Debug)]
struct Process<const N: usize> {
    driver: JoinHandle<()>,
    databases: [Database; N],
    holds: Holds,
}

impl<const N: usize> Process<N> {
    async fn crash(mut self) {
        self.driver.abort();
        let _aborted = (&mut self.driver).await;
    }

    async fn stop(mut self) -> Result<(), StillHeld> {
        match timeout(STOPPED_WITHIN, &mut self.driver).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going down, and everything with it.
                Err(_) => Ok(()),
            },
            Err(_) => Err(StillHeld { waited: STOPPED_WITHIN }),
        }
    }
}

impl<const N: usize> Drop for Process<N> {
    fn drop(&mut self) {
        self.driver.abort();
        self.holds.end();
        for database in &self.databases {
            database.proxy().cut();
        }
    }
}

/// A coordinator over the log and these participants. Boxed, so that all of it is compiled here and
/// not in every test.
fn builder(
    directory: PathBuf,
    holds: Holds,
    participants: Vec<Postgres>,
) -> BoxFuture<'static, Result<Builder, BenchError>> {
    Box::pin(async move {
        let log = Log::new(open_log(&directory).await?, holds);
        let builder = Coordinator::builder(log, TokioClock).deadlines(DEADLINES);
        Ok(participants.into_iter().fold(builder, Builder::participant))
    })
}

/// Waits for whoever has the log open, for a while.
async fn open_log(directory: &Path) -> Result<FileLog<Directory>, BenchError> {
    let begin = Instant::now();
    loop {
        let storage = Directory::new(directory)
            .map_err(|source| BenchError::Directory { path: directory.to_owned(), source })?;
        let id = ID.parse().expect("a valid id");
        match FileLog::open(storage, id, Options::default()).await {
            Err(OpenError::AlreadyOpen) if begin.elapsed() < RELEASED_WITHIN => {
                sleep(BETWEEN_ATTEMPTS).await;
            }
            opened => return Ok(opened?),
        }
    }
}
