//! Logs that do what they should, and make others wait, or take what is not theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indoubt::{
    Clock, Commit, CoordinatorId, DecisionLog, Entry, ForceError, Gid, Lineage, LogError, Origin,
};
use indoubt_real::log::FileLog;
use indoubt_sim::disk::Mount;
use indoubt_sim::history::Place;
use indoubt_sim::participant::SimParticipant;
use indoubt_sim::world::{Seams, SimClock, Watched};

type Real = Watched<FileLog<Mount>>;

/// What is different about the log.
pub(crate) trait Manner: Clone + Send + Sync + 'static {
    /// A reader waits while any force is under way.
    const READERS_WAIT: bool = false;
    /// A forget is made durable before it returns.
    const FORGETS_ARE_FORCED: bool = false;
    /// Every gid with the coordinator's id is taken for its own.
    const ALL_IS_OURS: bool = false;
}

/// As at the first of this project's logs: under traffic a reader never came to its turn.
#[derive(Clone)]
pub(crate) struct ReadersComeLast;

impl Manner for ReadersComeLast {
    const READERS_WAIT: bool = true;
}

/// The answer to a client waits for a sync that nobody needs.
#[derive(Clone)]
pub(crate) struct ForgetsAreForced;

impl Manner for ForgetsAreForced {
    const FORGETS_ARE_FORCED: bool = true;
}

/// A name that two processes can share is taken for an identity.
#[derive(Clone)]
pub(crate) struct AllIsOurs;

impl Manner for AllIsOurs {
    const ALL_IS_OURS: bool = true;
}

/// A world with such a log.
#[derive(Clone)]
pub(crate) struct Delaying<M>(pub(crate) M);

/// The log.
pub(crate) struct Mannered<M> {
    log: Real,
    forces: AtomicUsize,
    manner: std::marker::PhantomData<M>,
}

impl<M: Manner> Mannered<M> {
    async fn turn_to_read(&self) {
        while M::READERS_WAIT && self.forces.load(Ordering::Relaxed) > 0 {
            SimClock.sleep(Duration::from_millis(1)).await;
        }
    }
}

impl<M: Manner> DecisionLog for Mannered<M> {
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
        if M::ALL_IS_OURS { Origin::Own } else { self.log.origin(gid) }
    }

    fn has_ended(&self, up_to: &Gid) {
        self.log.has_ended(up_to);
    }

    async fn force(&self, commit: &Arc<Commit>) -> Result<(), ForceError> {
        self.forces.fetch_add(1, Ordering::Relaxed);
        let forced = self.log.force(commit).await;
        self.forces.fetch_sub(1, Ordering::Relaxed);
        forced
    }

    async fn forget(&self, gid: &Gid) -> Result<(), LogError> {
        self.log.forget(gid).await?;
        if M::FORGETS_ARE_FORCED { self.log.flush().await } else { Ok(()) }
    }

    async fn flush(&self) -> Result<(), LogError> {
        self.log.flush().await
    }

    async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        if M::ALL_IS_OURS && self.log.origin(gid) != Origin::Own {
            return Ok(Entry::Absent);
        }
        self.turn_to_read().await;
        self.log.read(gid).await
    }

    async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        self.turn_to_read().await;
        self.log.unfinished().await
    }
}

impl<M: Manner> Seams for Delaying<M> {
    type Disk = Mount;
    type Log = Mannered<M>;
    type Participant = SimParticipant;

    fn disk(&self, disk: Mount, _place: Place) -> Mount {
        disk
    }

    fn log(&self, log: Real) -> Mannered<M> {
        Mannered { log, forces: AtomicUsize::new(0), manner: std::marker::PhantomData }
    }

    fn participant(&self, participant: SimParticipant) -> SimParticipant {
        participant
    }
}
