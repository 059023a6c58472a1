//! A transaction as the backend that runs it knows it.

mod subxact;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{PgError, PgResult};
use crate::heap::Snapshot;
use crate::locks::{Mode, Tag};
use crate::wal::Change;

pub(crate) use subxact::Sub;

/// How much a transaction sees of others. Serializable ones there are none: which of them fail
/// depends on what Postgres has locked for reading, down to pages and plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Isolation {
    ReadCommitted,
    RepeatableRead,
}

impl Isolation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReadCommitted => "read committed",
            Self::RepeatableRead => "repeatable read",
        }
    }

    /// By its name; none has another.
    ///
    /// # Errors
    /// 0A000: it is the one that there is not.
    pub(crate) fn named(name: &str) -> PgResult<Option<Self>> {
        Ok(match name {
            "read committed" | "read uncommitted" => Some(Self::ReadCommitted),
            "repeatable read" => Some(Self::RepeatableRead),
            "serializable" => return Err(PgError::unsupported("serializable transactions")),
            _ => None,
        })
    }
}

/// A transaction that runs.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(crate) struct Xact {
    /// Its id, once it needs one.
    pub(crate) xid: Option<u64>,
    /// All its ids that were not rolled back.
    pub(crate) mine: BTreeSet<u64>,
    pub(crate) isolation: Isolation,
    pub(crate) read_only: bool,
    pub(crate) deferrable: bool,
    /// Where it keeps one snapshot; otherwise that of the command at hand.
    pub(crate) snapshot: Option<Snapshot>,
    /// Whether a query has run, which settles the isolation level.
    pub(crate) has_snapshot: bool,
    pub(crate) cid: u32,
    pub(crate) subs: Vec<Sub>,
    pub(crate) changes: Vec<(u64, Change)>,
    /// Whether the log was told that the id is in use.
    pub(crate) is_logged: bool,
    /// What locks were taken for it, in order.
    pub(crate) locks: Vec<(Tag, Mode)>,
    pub(crate) pending: Vec<Pending>,
    /// What `SET CONSTRAINTS` said: of all, and of single ones since.
    pub(crate) all_deferred: Option<bool>,
    pub(crate) deferred: BTreeMap<String, bool>,
    /// Why it cannot be prepared.
    pub(crate) unpreparable: Option<&'static str>,
    pub(crate) listens: Vec<(String, bool)>,
    pub(crate) notifies: Vec<(String, String)>,
    /// Microseconds since the Unix epoch.
    pub(crate) started: i64,
}

/// A check that is put off: of a row, against one constraint of its table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pending {
    pub(crate) table: u32,
    pub(crate) constraint: String,
    pub(crate) kind: PendingKind,
}

/// What is to be checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PendingKind {
    /// This version must be the only one with its key.
    Unique(u64),
    /// This version must have its parent.
    Parent(u64),
    /// Nobody may refer to this version any more.
    Children(u64),
}

impl Xact {
    pub(crate) fn new(isolation: Isolation, read_only: bool, started: i64) -> Self {
        Self {
            xid: None,
            mine: BTreeSet::new(),
            isolation,
            read_only,
            deferrable: false,
            snapshot: None,
            has_snapshot: false,
            cid: 0,
            subs: Vec::new(),
            changes: Vec::new(),
            is_logged: false,
            locks: Vec::new(),
            pending: Vec::new(),
            all_deferred: None,
            deferred: BTreeMap::new(),
            unpreparable: None,
            listens: Vec::new(),
            notifies: Vec::new(),
            started,
        }
    }

    /// All its ids, its own first.
    pub(crate) fn xids(&self) -> Vec<u64> {
        let top = self.xid.into_iter();
        top.chain(self.mine.iter().copied().filter(|xid| Some(*xid) != self.xid)).collect()
    }

    /// Whether the check of a constraint is put off now.
    pub(crate) fn defers(&self, name: &str, deferrable: bool, initially: bool) -> bool {
        deferrable && self.deferred.get(name).copied().or(self.all_deferred).unwrap_or(initially)
    }
}
