//! What goes wrong around the decision log.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use indoubt::{
    Clock, Commit, Coordinator, Deadlines, DecisionLog, Entry, ForceError, Gid, LogError, Origin,
};
use indoubt_sim::disk::Mount;
use indoubt_sim::history::Place;
use indoubt_sim::participant::SimParticipant;
use indoubt_sim::world::{CoordinatorClock, Seams, SimClock};

use super::bend::{Bend, BentLog, Real, bent};

/// The commits are sent while the decision is still on its way to the disk.
#[derive(Default)]
pub(crate) struct CommitBeforeForce;

impl Bend for CommitBeforeForce {
    async fn force(&self, log: &Arc<Real>, commit: &Arc<Commit>) -> Result<(), ForceError> {
        let (log, commit) = (log.clone(), commit.clone());
        madsim::task::spawn(async move { log.force(&commit).await });
        Ok(())
    }
}

/// The decision is forgotten before the participants have acknowledged it.
#[derive(Default)]
pub(crate) struct ForgottenEarly;

impl Bend for ForgottenEarly {
    async fn force(&self, log: &Arc<Real>, commit: &Arc<Commit>) -> Result<(), ForceError> {
        log.force(commit).await?;
        let _lazy = log.forget(&commit.gid).await;
        Ok(())
    }
}

/// The coordinator's process dies of a bug.
#[derive(Default)]
pub(crate) struct PanicsAtTheForce;

impl Bend for PanicsAtTheForce {
    async fn force(&self, _: &Arc<Real>, commit: &Arc<Commit>) -> Result<(), ForceError> {
        panic!("cannot force {}", commit.gid)
    }
}

/// A reader waits while any force is under way, which under traffic is always.
#[derive(Default)]
pub(crate) struct ReadersComeLast {
    forces: AtomicUsize,
}

impl ReadersComeLast {
    async fn turn(&self) {
        while self.forces.load(Ordering::Relaxed) > 0 {
            SimClock.sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Bend for ReadersComeLast {
    async fn force(&self, log: &Arc<Real>, commit: &Arc<Commit>) -> Result<(), ForceError> {
        self.forces.fetch_add(1, Ordering::Relaxed);
        let forced = log.force(commit).await;
        self.forces.fetch_sub(1, Ordering::Relaxed);
        forced
    }

    async fn read(&self, log: &Real, gid: &Gid) -> Result<Entry, LogError> {
        self.turn().await;
        log.read(gid).await
    }

    async fn unfinished(&self, log: &Real) -> Result<Vec<Arc<Commit>>, LogError> {
        self.turn().await;
        log.unfinished().await
    }
}

/// The answer to a client waits for a sync that nobody needs.
#[derive(Default)]
pub(crate) struct ForgetsAreForced;

impl Bend for ForgetsAreForced {
    async fn forget(&self, log: &Real, gid: &Gid) -> Result<(), LogError> {
        log.forget(gid).await?;
        log.flush().await
    }
}

/// A name that two processes can share is taken for an identity.
#[derive(Default)]
pub(crate) struct AllIsOurs;

impl Bend for AllIsOurs {
    fn origin(&self, _: &Real, _: &Gid) -> Origin {
        Origin::Own
    }

    async fn read(&self, log: &Real, gid: &Gid) -> Result<Entry, LogError> {
        if log.origin(gid) == Origin::Own { log.read(gid).await } else { Ok(Entry::Absent) }
    }
}

/// As shipped.
#[derive(Default)]
pub(crate) struct Straight;

impl Bend for Straight {}

/// More than a run's transactions.
const NUMBERS: u32 = 64;

/// A recovery that does not know which transactions are live (Narayana JBTM-3079).
#[derive(Clone)]
pub(crate) struct RecoveryAbortsLive;

impl Seams for RecoveryAbortsLive {
    type Disk = Mount;
    type Log = BentLog<Straight>;
    type Participant = SimParticipant;

    fn disk(&self, disk: Mount, _place: Place) -> Mount {
        disk
    }

    fn log(&self, log: Real) -> Self::Log {
        bent().log(log)
    }

    fn participant(&self, participant: SimParticipant) -> SimParticipant {
        participant
    }

    /// A second coordinator on the same opening of the log: its own recovery sees none of the
    /// first one's transactions as live.
    fn companion(
        &self,
        coordinator: &Coordinator<Self::Log, CoordinatorClock>,
        participants: &[SimParticipant],
    ) -> Option<BoxFuture<'static, ()>> {
        let log = BentLog { log: coordinator.log().log.clone(), bend: Straight };
        let recovery_interval = Duration::from_millis(50);
        let mut builder = Coordinator::builder(log, SimClock)
            .deadlines(Deadlines { recovery_interval, ..Deadlines::default() });
        for participant in participants {
            builder = builder.participant(participant.clone());
        }
        let (coordinator, driver) = builder.build().ok()?;
        // Otherwise it would see at once that the first one's transactions are none of its own.
        for _ in 0..NUMBERS {
            drop(coordinator.begin());
        }
        let run = async move {
            driver.run().await;
            drop(coordinator);
        };
        Some(run.boxed())
    }
}
