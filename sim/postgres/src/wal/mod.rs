//! What goes to the log, and what is made of it after a crash.
//!
//! A transaction's changes travel in one record, with its `COMMIT` or its `PREPARE`: what a
//! transaction did that has neither is void after a crash in any case. A record of its own says
//! that an id was used for changes, since ids of which the log knows nothing are given out again
//! after a crash, in Postgres too. Absent: checkpoints; the log is replayed from its beginning.

mod change;
mod replay;

use serde::{Deserialize, Serialize};

pub(crate) use change::Change;
pub(crate) use replay::replay;

use crate::error::PgResult;
use crate::locks::{Mode, Tag};

/// A record of the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Record {
    /// A transaction has begun to change something.
    Assigned {
        xid: u64,
    },
    /// A transaction has committed in one phase.
    Commit(Ended),
    /// A transaction has rolled back. Nothing waits for this record.
    Abort {
        xids: Vec<u64>,
    },
    Prepare(Prepared),
    CommitPrepared {
        gid: String,
        xid: u64,
    },
    RollbackPrepared {
        gid: String,
        xid: u64,
    },
    /// A new history begins here.
    Timeline(u32),
}

/// A transaction and what it did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// Its ids, its own first and then those of its subtransactions.
    pub(crate) xids: Vec<u64>,
    pub(crate) database: u32,
    pub(crate) tag: Option<String>,
    pub(crate) changes: Vec<(u64, Change)>,
}

/// A prepared transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Prepared {
    pub(crate) gid: String,
    /// The role that may finish it.
    pub(crate) owner: String,
    /// Microseconds since the Unix epoch.
    pub(crate) at: i64,
    pub(crate) work: Ended,
    pub(crate) locks: Vec<(Tag, Mode)>,
}

impl Prepared {
    pub(crate) fn xid(&self) -> u64 {
        self.work.xids[0]
    }
}

impl Record {
    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("a record is plain data")
    }

    pub(crate) fn decode(bytes: &[u8]) -> PgResult<Self> {
        postcard::from_bytes(bytes).map_err(|error| {
            crate::error::PgError::fatal("XX001", format!("a record of the log is broken: {error}"))
        })
    }
}
