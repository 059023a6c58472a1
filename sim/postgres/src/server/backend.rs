//! A backend as the others see it (`pg_stat_activity`).

use std::task::Waker;

use crate::error::PgError;

/// What the others see of a backend, and can ask of it.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) pid: i32,
    /// The key that a cancel request has to give.
    pub(crate) secret: i32,
    pub(crate) database: u32,
    pub(crate) user: String,
    pub(crate) application_name: String,
    /// Moments in microseconds since the Unix epoch.
    pub(crate) start: i64,
    pub(crate) xact_start: Option<i64>,
    pub(crate) query_start: Option<i64>,
    pub(crate) state_change: i64,
    pub(crate) state: Activity,
    pub(crate) query: String,
    /// Type and event of what it waits for.
    pub(crate) wait: Option<(&'static str, &'static str)>,
    pub(crate) xid: Option<u64>,
    /// The oldest transaction that its snapshot does not see for sure.
    pub(crate) xmin: Option<u64>,
    /// Asked by others, and obeyed at the next wait.
    pub(crate) cancelled: bool,
    pub(crate) terminated: Option<PgError>,
    pub(crate) channels: Vec<String>,
    /// What came in on its channels: sender, channel, payload.
    pub(crate) notified: Vec<(i32, String, String)>,
    pub(crate) waker: Option<Waker>,
}

/// What a backend is at, as its view has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    Active,
    Idle,
    IdleInTransaction,
    IdleInFailedTransaction,
}

impl Activity {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::IdleInTransaction => "idle in transaction",
            Self::IdleInFailedTransaction => "idle in transaction (aborted)",
        }
    }
}

/// 57P01, what an administrator's hand is told as.
pub(crate) fn admin_shutdown() -> PgError {
    PgError::fatal("57P01", "terminating connection due to administrator command")
        .routine("ProcessInterrupts")
}

/// 57P02, what the crash of another backend is told as.
pub(crate) fn crash_shutdown() -> PgError {
    PgError::fatal("57P02", "terminating connection because of crash of another server process")
        .detail(
            "The postmaster has commanded this server process to roll back the current \
             transaction and exit, because another server process exited abnormally and \
             possibly corrupted shared memory.",
        )
        .hint(
            "In a moment you should be able to reconnect to the database and repeat your command.",
        )
}
