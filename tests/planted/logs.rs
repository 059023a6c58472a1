//! What goes wrong around the decision log.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use indoubt::{
    Commit, Coordinator, CoordinatorId, Deadlines, DecisionLog, Entry, ForceError, Gid, Lineage,
    LogError, Origin,
};
use indoubt_real::log::FileLog;
use indoubt_sim::disk::Mount;
use indoubt_sim::history::Place;
use indoubt_sim::participant::SimParticipant;
use indoubt_sim::world::{CoordinatorClock, Seams, SimClock, Watched};

type Real = Watched<FileLog<Mount>>;

/// What a bug does instead of forcing.
pub(crate) trait Force: Clone + Send + Sync + 'static {
    fn force(
        log: &Arc<Real>,
        commit: &Arc<Commit>,
    ) -> impl Future<Output = Result<(), ForceError>> + Send;
}

/// The real log but for its force.
pub(crate) struct Bent<F> {
    log: Arc<Real>,
    force: std::marker::PhantomData<F>,
}

impl<F: Force> DecisionLog for Bent<F> {
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

    fn has_ended(&self, up_to: &Gid) {
        self.log.has_ended(up_to);
    }

    async fn force(&self, commit: &Arc<Commit>) -> Result<(), ForceError> {
        F::force(&self.log, commit).await
    }

    async fn forget(&self, gid: &Gid) -> Result<(), LogError> {
        self.log.forget(gid).await
    }

    async fn flush(&self) -> Result<(), LogError> {
        self.log.flush().await
    }

    async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        self.log.read(gid).await
    }

    async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        self.log.unfinished().await
    }
}

/// A world in which forcing is bent.
#[derive(Clone)]
pub(crate) struct Forcing<F>(pub(crate) F);

impl<F: Force> Seams for Forcing<F> {
    type Disk = Mount;
    type Log = Bent<F>;
    type Participant = SimParticipant;

    fn disk(&self, disk: Mount, _place: Place) -> Mount {
        disk
    }

    fn log(&self, log: Real) -> Bent<F> {
        Bent { log: Arc::new(log), force: std::marker::PhantomData }
    }

    fn participant(&self, participant: SimParticipant) -> SimParticipant {
        participant
    }
}

/// The commits are sent while the decision is still on its way to the disk.
#[derive(Clone)]
pub(crate) struct CommitBeforeForce;

impl Force for CommitBeforeForce {
    async fn force(log: &Arc<Real>, commit: &Arc<Commit>) -> Result<(), ForceError> {
        let (log, commit) = (log.clone(), commit.clone());
        madsim::task::spawn(async move { log.force(&commit).await });
        Ok(())
    }
}

/// The decision is forgotten before the participants have acknowledged it.
#[derive(Clone)]
pub(crate) struct ForgottenEarly;

impl Force for ForgottenEarly {
    async fn force(log: &Arc<Real>, commit: &Arc<Commit>) -> Result<(), ForceError> {
        log.force(commit).await?;
        let _lazy = log.forget(&commit.gid).await;
        Ok(())
    }
}

/// The coordinator's process dies of a bug.
#[derive(Clone)]
pub(crate) struct PanicsAtTheForce;

impl Force for PanicsAtTheForce {
    async fn force(_: &Arc<Real>, commit: &Arc<Commit>) -> Result<(), ForceError> {
        panic!("cannot force {}", commit.gid)
    }
}

/// Forces as it should.
#[derive(Clone)]
pub(crate) struct Honest;

impl Force for Honest {
    async fn force(log: &Arc<Real>, commit: &Arc<Commit>) -> Result<(), ForceError> {
        log.force(commit).await
    }
}

/// More than a run's transactions.
const NUMBERS: u32 = 64;

/// A recovery that does not know which transactions are live (Narayana JBTM-3079).
#[derive(Clone)]
pub(crate) struct RecoveryAbortsLive;

impl Seams for RecoveryAbortsLive {
    type Disk = Mount;
    type Log = Bent<Honest>;
    type Participant = SimParticipant;

    fn disk(&self, disk: Mount, _place: Place) -> Mount {
        disk
    }

    fn log(&self, log: Real) -> Self::Log {
        Forcing(Honest).log(log)
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
        let log =
            Bent { log: coordinator.log().log.clone(), force: std::marker::PhantomData::<Honest> };
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
