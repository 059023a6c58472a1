//! A coordinator that runs on the bench, until it is stopped or crashed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use indoubt::{Builder, Coordinator, Deadlines, RecoveryReport};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::database::Database;
use super::directory::TemporaryDirectory;
use super::error::{BenchError, StillHeld, Unsettled};
use super::hold::{Hold, Holds};
use super::log::Log;
use super::moment::Moment;
use crate::clock::TokioClock;
use crate::containers::announce;
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

/// When somebody who waits for a clean stop is told what for.
const SILENT_FOR: Duration = Duration::from_secs(3);

const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// What a coordinator on the bench waits for, unless told otherwise: a few seconds for each step,
/// so that a test of an outage is short. The driver sweeps at its start, and then not for an hour,
/// so that a test sees what is left in doubt; it sweeps by [`Running::settle`].
///
/// | deadline | of what | here |
/// |---|---|---|
/// | `begin` | a branch to begin | 10 s |
/// | `prepare` | a vote, or a commit in one phase | 5 s |
/// | `force` | the decision to be on the disk, a [`Hold`](super::Hold) of it included | 10 s |
/// | `finish` | a participant to end a branch | 3 s |
/// | `acknowledge` | the client, after the decision, for all to have ended theirs | 4 s |
/// | `scan` | a participant to list what is prepared | 3 s |
/// | `recovery_interval` | the next sweep, or asking again for what is not known | 1 h |
///
/// A database that is frozen, swallowed from or held is waited for that long: a commit whose vote
/// does not come ends after 5 s and what its rollback takes. [`Bench::open_with`](super::Bench::open_with)
/// takes others.
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
/// Dropping it is a crash that nobody waits for. It keeps the bench's servers and its log: the
/// [`Bench`](super::Bench) may be dropped before.
pub struct Running<const N: usize> {
    coordinator: Coordinator,
    participants: [Postgres; N],
    process: Process<N>,
}

impl<const N: usize> Running<N> {
    pub(super) async fn open(
        databases: [Database; N],
        directory: Arc<TemporaryDirectory>,
        build: impl FnOnce(Builder) -> Builder,
    ) -> Result<Self, BenchError> {
        let holds = Holds::default();
        let participants = databases.each_ref().map(Database::participant);
        let path = directory.path().to_owned();
        let builder = builder(path, holds.clone(), participants.to_vec()).await?;
        let (coordinator, driver) = build(builder).build()?;
        let driver = tokio::spawn(driver.run());
        let process = Process { driver, databases, holds, _directory: directory };
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
    ///
    /// A clone of the coordinator that somebody keeps outlives this: it begins nothing that could
    /// commit, but it has the log open and still answers `status` from it, which a dead process would
    /// not. So abort the tasks that have one, or drop it, before [`open`](super::Bench::open) and before
    /// what is asked of the next life.
    pub async fn crash(self) {
        self.process.crash().await;
    }

    /// Stops the coordinator cleanly, as a service does that is asked to end: every handle is
    /// dropped, and the driver ends what is in flight and writes down what it noted.
    ///
    /// While somebody still has a handle, that is waited for; after three seconds standard error
    /// says so.
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
    /// Where its log is, for as long as this runs.
    _directory: Arc<TemporaryDirectory>,
}

impl<const N: usize> Process<N> {
    async fn crash(mut self) {
        self.driver.abort();
        let _aborted = (&mut self.driver).await;
    }

    async fn stop(mut self) -> Result<(), StillHeld> {
        match told_after(SILENT_FOR, STOPPED_WITHIN, &mut self.driver, announce).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going down, and everything with it.
                Err(_) => Ok(()),
            },
            None => Err(StillHeld { waited: STOPPED_WITHIN }),
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

/// The future's output, or `None` if the limit passed first. If it is not there when somebody who
/// watches would wonder, they are told what it waits for.
async fn told_after<T>(
    silent_for: Duration,
    limit: Duration,
    mut future: impl Future<Output = T> + Unpin,
    tell: impl FnOnce(&str),
) -> Option<T> {
    if let Ok(output) = timeout(silent_for, &mut future).await {
        return Some(output);
    }
    tell(&format!(
        "the coordinator on the bench does not stop, for something still has a handle of it, or a transaction \
         (a clone, a task): it is waited for, {limit:?} in all, and then crashed"
    ));
    timeout(limit.saturating_sub(silent_for), future).await.ok()
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
            .map_err(|why| BenchError::Directory { path: directory.to_owned(), why })?;
        let id = ID.parse().expect("a valid id");
        match FileLog::open(storage, id, Options::default()).await {
            Err(OpenError::AlreadyOpen) if begin.elapsed() < RELEASED_WITHIN => {
                sleep(BETWEEN_ATTEMPTS).await;
            }
            opened => return opened.map_err(BenchError::Log),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn whoever_waits_long_is_told_once_what_for_and_whoever_does_not_is_not() {
        let (told, short) = (Cell::new(0), Duration::from_millis(10));
        let tell = |text: &str| {
            assert!(text.contains("still has a handle"), "{text}");
            told.set(told.get() + 1);
        };
        assert_eq!(told_after(short, short * 2, std::future::ready(1), tell).await, Some(1));
        assert_eq!(told.get(), 0);
        let late = Box::pin(sleep(short * 2));
        assert_eq!(told_after(short, short * 100, late, tell).await, Some(()));
        assert_eq!(told.get(), 1);
        let never = std::future::pending::<()>();
        assert_eq!(told_after(short, short * 2, never, tell).await, None);
        assert_eq!(told.get(), 2);
    }
}
