//! What the server needs of its host: a disk for its log, a clock, and somebody to tell.
//!
//! Everything else that could differ between two runs is absent: no randomness, no threads, no
//! spawning, no sockets. The traits are erased inside, so that the server itself is not generic.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

/// The disk that the write-ahead log is on.
pub trait Wal: Send + Sync + 'static {
    /// Appends a record behind all that were appended before.
    ///
    /// The record must be taken, and takes its place, when the method is called, not when its
    /// future is polled: several backends append at a time, and the order of the calls is the
    /// order of the log. The future of an append without `flush` the server drops at once,
    /// without having polled it.
    ///
    /// # Durability
    /// With `flush`, the record and all before it are durable when the future completes.
    /// Without, it may be lost in a crash, but never one before it alone; nothing promises
    /// when it becomes durable (`wal_writer_delay`), which is the host's to decide.
    ///
    /// # Errors
    /// The record may or may not be durable. To Postgres that is a PANIC: the server stops, and
    /// [`Server::failed`](crate::Server::failed) says so. That an append without `flush` has
    /// failed goes unnoticed; a disk that has lost such a record has to fail the next flush.
    ///
    /// # Cancel safety
    /// The future of an append with `flush` is dropped only when the server crashes, and the
    /// record may then still become durable. That of one without is dropped at once, and the
    /// record must stand all the same.
    fn append(
        &self,
        record: Vec<u8>,
        flush: bool,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static;

    /// Gives up what is not durable, as the crash of a server does, and reads back the rest.
    ///
    /// # Errors
    /// The log could not be read; the server does not start.
    fn recover(&self) -> impl Future<Output = io::Result<Vec<Vec<u8>>>> + Send + 'static;
}

/// Time, as the host has it.
pub trait Clock: Send + Sync + 'static {
    /// Since the Unix epoch; never goes back.
    fn now(&self) -> Duration;

    /// Completes after at least this long.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static;
}

/// Hears of effects at the moment when they are certain, and of what clients are told. Nothing here may
/// call back into the server.
pub trait Observer: Send + Sync + 'static {
    /// Called synchronously, in the poll in which the effect became certain, before anybody
    /// else can see it.
    fn effect(&self, effect: &Effect);

    /// A client is sent an error of this SQLSTATE. With it comes the value of
    /// [`Options::tag`](crate::Options::tag) in its session, if that was set.
    fn refused(&self, _code: &str, _tag: Option<&str>) {}

    /// Whether there is a slot for one more prepared transaction beside so many. Asked only if
    /// [`Options::max_prepared_transactions`](crate::Options::max_prepared_transactions) has one: a host
    /// can let it be taken.
    fn has_slot(&self, _prepared: usize) -> bool {
        true
    }
}

/// Hears nothing.
impl Observer for () {
    fn effect(&self, _: &Effect) {}
}

/// What happened to a transaction, and how the server came to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// What happened.
    pub what: What,
    /// The full transaction id, with its epoch.
    pub xid: u64,
    /// The database in which the transaction ran.
    pub database: String,
    /// The backend by whose hand; none where the log was replayed. What was durable at a crash
    /// but not told yet is told by the replay, and what was told before is told again.
    pub by: Option<By>,
    /// Whether it is on disk. Only a plain commit under `synchronous_commit = off` and an abort
    /// are not.
    pub durable: bool,
}

/// A backend, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// Its process id.
    pub pid: i32,
    /// `application_name`, as the client set it at start-up or since; as it is when the effect
    /// becomes certain.
    pub application_name: String,
}

/// What happened to a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It was prepared under this gid.
    Prepared {
        /// The gid.
        gid: String,
    },
    /// The transaction prepared under this gid has committed.
    CommittedPrepared {
        /// The gid.
        gid: String,
    },
    /// The transaction prepared under this gid has rolled back.
    RolledBackPrepared {
        /// The gid.
        gid: String,
    },
    /// It has committed in one phase.
    Committed {
        /// The value of [`Options::tag`](crate::Options::tag) in it, if it was set.
        tag: Option<String>,
    },
    /// It has rolled back without having been prepared.
    Aborted {
        /// As for [`Committed`](Self::Committed).
        tag: Option<String>,
    },
}

/// The edges, erased.
#[derive(Clone)]
pub(crate) struct Edges {
    wal: Arc<dyn ErasedWal>,
    clock: Arc<dyn ErasedClock>,
    observer: Arc<dyn Observer>,
}

trait ErasedWal: Send + Sync {
    fn append(&self, record: Vec<u8>, flush: bool) -> BoxFuture<'static, io::Result<()>>;
    fn recover(&self) -> BoxFuture<'static, io::Result<Vec<Vec<u8>>>>;
}

impl<W: Wal> ErasedWal for W {
    fn append(&self, record: Vec<u8>, flush: bool) -> BoxFuture<'static, io::Result<()>> {
        Box::pin(Wal::append(self, record, flush))
    }

    fn recover(&self) -> BoxFuture<'static, io::Result<Vec<Vec<u8>>>> {
        Box::pin(Wal::recover(self))
    }
}

trait ErasedClock: Send + Sync {
    fn now(&self) -> Duration;
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

impl<C: Clock> ErasedClock for C {
    fn now(&self) -> Duration {
        Clock::now(self)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(Clock::sleep(self, duration))
    }
}

impl Edges {
    pub(crate) fn new(wal: impl Wal, clock: impl Clock, observer: impl Observer) -> Self {
        Self { wal: Arc::new(wal), clock: Arc::new(clock), observer: Arc::new(observer) }
    }

    pub(crate) fn append(
        &self,
        record: Vec<u8>,
        flush: bool,
    ) -> BoxFuture<'static, io::Result<()>> {
        self.wal.append(record, flush)
    }

    pub(crate) fn recover(&self) -> BoxFuture<'static, io::Result<Vec<Vec<u8>>>> {
        self.wal.recover()
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }

    pub(crate) fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.clock.sleep(duration)
    }

    pub(crate) fn tell(&self, effect: &Effect) {
        self.observer.effect(effect);
    }

    pub(crate) fn observer(&self) -> &dyn Observer {
        &*self.observer
    }
}

impl fmt::Debug for Edges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edges").finish_non_exhaustive()
    }
}
