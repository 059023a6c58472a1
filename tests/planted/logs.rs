//! What goes wrong around the decision log.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use indoubt::{
    Clock, Commit, Coordinator, Deadlines, DecisionLog, Entry, ForceError, Gid, LogError, Origin,
    Participant,
};
use indoubt_sim::bend::{Bend, BentLog, Straight};
use indoubt_sim::time::SimClock;

/// The commits are sent while the decision is still on its way to the disk.
#[derive(Default)]
pub(crate) struct CommitBeforeForce;

impl Bend for CommitBeforeForce {
    async fn force<L: DecisionLog>(
        &self,
        log: &Arc<L>,
        commit: &Arc<Commit>,
    ) -> Result<(), ForceError> {
        let (log, commit) = (log.clone(), commit.clone());
        madsim::task::spawn(async move { log.force(&commit).await });
        Ok(())
    }
}

/// The decision is forgotten before the participants have acknowledged it.
#[derive(Default)]
pub(crate) struct ForgottenEarly;

impl Bend for ForgottenEarly {
    async fn force<L: DecisionLog>(
        &self,
        log: &Arc<L>,
        commit: &Arc<Commit>,
    ) -> Result<(), ForceError> {
        log.force(commit).await?;
        let _lazy = log.forget(&commit.gid).await;
        Ok(())
    }
}

/// The coordinator's process dies of a bug.
#[derive(Default)]
pub(crate) struct PanicsAtTheForce;

impl Bend for PanicsAtTheForce {
    async fn force<L: DecisionLog>(
        &self,
        _: &Arc<L>,
        commit: &Arc<Commit>,
    ) -> Result<(), ForceError> {
        panic!("cannot force {}", commit.gid)
    }
}

/// A reader waits while any force is under way, which under traffic is always.
#[derive(Default)]
pub(crate) struct ReadersComeLast(AtomicUsize);

impl ReadersComeLast {
    async fn turn(&self) {
        while self.0.load(Relaxed) > 0 {
            SimClock.sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Bend for ReadersComeLast {
    async fn force<L: DecisionLog>(
        &self,
        log: &Arc<L>,
        commit: &Arc<Commit>,
    ) -> Result<(), ForceError> {
        self.0.fetch_add(1, Relaxed);
        let forced = log.force(commit).await;
        self.0.fetch_sub(1, Relaxed);
        forced
    }

    async fn read<L: DecisionLog>(&self, log: &L, gid: &Gid) -> Result<Entry, LogError> {
        self.turn().await;
        log.read(gid).await
    }

    async fn unfinished<L: DecisionLog>(&self, log: &L) -> Result<Vec<Arc<Commit>>, LogError> {
        self.turn().await;
        log.unfinished().await
    }
}

/// The answer to a client waits for a sync that nobody needs.
#[derive(Default)]
pub(crate) struct ForgetsAreForced;

impl Bend for ForgetsAreForced {
    async fn forget<L: DecisionLog>(&self, log: &L, gid: &Gid) -> Result<(), LogError> {
        log.forget(gid).await?;
        log.flush().await
    }
}

/// A name that two processes can share is taken for an identity.
#[derive(Default)]
pub(crate) struct AllIsOurs;

impl Bend for AllIsOurs {
    fn origin<L: DecisionLog>(&self, _: &L, _: &Gid) -> Origin {
        Origin::Own
    }

    async fn read<L: DecisionLog>(&self, log: &L, gid: &Gid) -> Result<Entry, LogError> {
        if log.origin(gid) == Origin::Own { log.read(gid).await } else { Ok(Entry::Absent) }
    }
}

/// A recovery that does not know which transactions are live (Narayana JBTM-3079).
#[derive(Default)]
pub(crate) struct RecoveryAbortsLive;

impl Bend for RecoveryAbortsLive {
    /// A second coordinator on the same opening of the log: its own recovery sees none of the
    /// first one's transactions as live.
    fn beside<L: DecisionLog, P: Participant>(
        log: &Arc<L>,
        participants: &[P],
    ) -> Option<BoxFuture<'static, ()>> {
        let deadlines =
            Deadlines { recovery_interval: Duration::from_millis(50), ..Deadlines::default() };
        let log = BentLog::new(log.clone(), Arc::new(Straight));
        let mut builder = Coordinator::builder(log, SimClock).deadlines(deadlines);
        for participant in participants {
            builder = builder.participant(participant.clone());
        }
        let (coordinator, driver) = builder.build().ok()?;
        // More than a run's transactions: otherwise it would see at once that the first one's are
        // none of its own.
        (0..64).for_each(|_| drop(coordinator.begin()));
        Some(driver.run().map(|()| drop(coordinator)).boxed())
    }
}
