//! Bugs between the coordinator and its log, on real servers: each is seen from outside.
//!
//! This is the coordinator's process as well: told the name of a bug, it serves with that. So it has a
//! `main` of its own instead of test functions.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use indicatif::ProgressBar;
use indoubt::{
    Commit, CoordinatorId, DecisionLog, Entry, ForceError, Gid, Lineage, LogError, Origin,
};
use indoubt_chaos::arena::Program;
use indoubt_chaos::serve::{Bend, serve};
use indoubt_chaos::sweep::{Deed, Point, Sweep};
use indoubt_sim::invariants::Invariant;

/// What is wrong with a log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bug {
    /// It says that a decision is forced before it is.
    ForcedLate,
    /// It says that it has no decision, when it has.
    ReadsAbsent,
}

struct Planted(Bug);

struct Bent<L> {
    log: Arc<L>,
    bug: Bug,
}

impl Bend for Planted {
    fn log<L: DecisionLog>(&self, log: L) -> impl DecisionLog + use<L> {
        Bent { log: Arc::new(log), bug: self.0 }
    }
}

impl<L: DecisionLog> DecisionLog for Bent<L> {
    fn coordinator(&self) -> &CoordinatorId {
        self.log.coordinator()
    }

    fn epoch(&self) -> u64 {
        self.log.epoch()
    }

    fn lineage(&self) -> Lineage {
        self.log.lineage()
    }

    fn origin(&self, gid: &Gid) -> Origin {
        self.log.origin(gid)
    }

    async fn force(&self, commit: &Arc<Commit>) -> Result<(), ForceError> {
        if self.bug != Bug::ForcedLate {
            return self.log.force(commit).await;
        }
        let (log, commit) = (self.log.clone(), commit.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            log.force(&commit).await
        });
        Ok(())
    }

    async fn forget(&self, gid: &Gid) -> Result<(), LogError> {
        self.log.forget(gid).await
    }

    fn has_ended(&self, up_to: &Gid) {
        self.log.has_ended(up_to);
    }

    async fn flush(&self) -> Result<(), LogError> {
        self.log.flush().await
    }

    async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        let entry = self.log.read(gid).await?;
        let is_there = matches!(entry, Entry::Unfinished(_));
        Ok(if self.bug == Bug::ReadsAbsent && is_there { Entry::Absent } else { entry })
    }

    async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        self.log.unfinished().await
    }
}

/// Bugs by the names that the process is told.
const BUGS: [(&str, Bug); 2] =
    [("forced-late", Bug::ForcedLate), ("reads-absent", Bug::ReadsAbsent)];

/// A sweep with the bug, of one point.
fn sweep(bug: &str, only: Point) -> Result<Sweep> {
    let program = Program { path: std::env::current_exe()?, arguments: vec![bug.to_owned()] };
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    Ok(Sweep { program, databases: 2, only: Some(only), every: 1, follow: false, folder })
}

async fn check() -> Result<()> {
    // Nothing has to fail for this one to be seen.
    let first = Point { message: 0, deed: Deed::CutBefore };
    let swept = sweep("forced-late", first)?.run(&ProgressBar::hidden()).await?;
    let names: Vec<_> = swept.in_peace.iter().map(|violation| violation.invariant).collect();
    ensure!(names.contains(&Invariant::DecisionBeforeEffect), "{:?}", swept.in_peace);

    // The last request of all is a commit of what is prepared, and so its decision is durable.
    let last = Point { message: 34, deed: Deed::KillCoordinator };
    let swept = sweep("reads-absent", last)?.run(&ProgressBar::hidden()).await?;
    ensure!(swept.about(last).contains("COMMIT PREPARED"), "{}", swept.about(last));
    let (_, violations, _) = swept.broken.first().context("a lost decision is not seen")?;
    let names: Vec<_> = violations.iter().map(|violation| violation.invariant).collect();
    ensure!(names.contains(&Invariant::Agreement), "{violations:?}");
    Ok(())
}

fn main() -> ExitCode {
    let told = std::env::args().nth(1);
    let bug = BUGS.iter().find(|(name, _)| Some(*name) == told.as_deref());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let done = match bug {
        Some((_, bug)) => runtime.block_on(serve(Planted(*bug))),
        // Whatever else cargo says is for test functions, of which there is none.
        None => runtime.block_on(check()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
