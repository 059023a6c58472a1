//! What all backends share: the state of the server between two polls.
//!
//! It is behind one lock that is never held across an await, so whatever is done in one go is
//! atomic to everybody else.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;
use std::time::Duration;

use super::backend::Backend;
use crate::catalog::Catalog;
use crate::edges::Edges;
use crate::heap::{Clog, Heap, Snapshot, Status};
use crate::locks::Locks;
use crate::options::Options;
use crate::sql::Known;
use crate::wal::Prepared;

/// What all backends share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) edges: Edges,
    pub(crate) phase: Phase,
    /// When the statistics were lost: at the last crash, and each start is after one. In microseconds
    /// since the Unix epoch.
    pub(crate) stats_reset: i64,
    /// Counted up when everything is thrown away, so that who comes late notices.
    pub(crate) generation: u64,
    pub(crate) timeline: u32,
    pub(crate) catalog: Catalog,
    pub(crate) heaps: BTreeMap<u32, Heap>,
    pub(crate) clog: Clog,
    pub(crate) next_xid: u64,
    /// Of what came before nothing is known any more.
    pub(crate) oldest_known: u64,
    /// All transactions and subtransactions that have not ended, prepared ones too.
    pub(crate) running: BTreeSet<u64>,
    pub(crate) locks: Locks,
    pub(crate) known: Known,
    pub(crate) prepared: BTreeMap<String, Gxact>,
    pub(crate) backends: BTreeMap<i32, Backend>,
    pub(crate) next_pid: i32,
    /// The backend whose crash began this generation; it says nothing to its client.
    pub(crate) crashed: Option<i32>,
    /// Who wants to know of a change of the phase.
    pub(crate) watchers: Vec<Waker>,
}

/// Whether the server lets clients in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    Recovering,
    ShuttingDown,
    Stopped,
    /// A write of the log failed.
    Panicked(String),
}

/// A prepared transaction, in shared memory.
#[derive(Clone, Debug)]
pub(crate) struct Gxact {
    pub(crate) prepared: Prepared,
    /// Not while its `PREPARE` is still being written.
    pub(crate) valid: bool,
    /// The backend that is at it.
    pub(crate) locked_by: Option<i32>,
}

impl State {
    pub(crate) fn new(options: Options, edges: Edges) -> Self {
        let mut state = Self {
            phase: Phase::Recovering,
            stats_reset: micros(edges.now()),
            generation: 0,
            timeline: options.timeline,
            catalog: Catalog::new(&options),
            heaps: BTreeMap::new(),
            clog: Clog::default(),
            next_xid: options.initial_xid.max(3),
            oldest_known: options.initial_xid,
            running: BTreeSet::new(),
            locks: Locks::default(),
            known: Known::default(),
            prepared: BTreeMap::new(),
            backends: BTreeMap::new(),
            next_pid: 1000,
            crashed: None,
            watchers: Vec::new(),
            options,
            edges,
        };
        // The two that were there before any other (`BootstrapTransactionId`, `FrozenTransactionId`).
        state.clog.set(1, Status::Committed);
        state.clog.set(2, Status::Committed);
        state
    }

    pub(crate) fn heap(&mut self, table: u32) -> &mut Heap {
        self.heaps.entry(table).or_default()
    }

    /// The moment as it is now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot { xmax: self.next_xid, running: self.running.clone() }
    }

    /// The next transaction id, which is used now. Those that mean something else are left out in every
    /// epoch (`FirstNormalTransactionId`).
    pub(crate) fn take_xid(&mut self) -> u64 {
        let xid = self.next_xid;
        self.pass_xid(xid);
        xid
    }

    /// This id has been used.
    pub(crate) fn pass_xid(&mut self, xid: u64) {
        let next = xid + 1;
        let in_epoch = next & u64::from(u32::MAX);
        self.next_xid = self.next_xid.max(next + 3_u64.saturating_sub(in_epoch));
    }

    /// Nobody looks at what ended before this transaction.
    pub(crate) fn horizon(&self) -> u64 {
        let running = self.running.first().copied().unwrap_or(self.next_xid);
        let seen = self.backends.values().filter_map(|backend| backend.xmin).min();
        seen.map_or(running, |seen| seen.min(running))
    }

    /// Now, in microseconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        micros(self.edges.now())
    }

    pub(crate) fn wake(&mut self, pids: impl IntoIterator<Item = i32>) {
        for pid in pids {
            if let Some(waker) = self.backends.get_mut(&pid).and_then(|b| b.waker.take()) {
                waker.wake();
            }
        }
    }

    pub(crate) fn wake_all(&mut self) {
        let pids: Vec<_> = self.backends.keys().copied().collect();
        self.wake(pids);
        self.watchers.drain(..).for_each(Waker::wake);
    }

    /// Whether the server is up and this is still the state that a backend began in.
    pub(crate) fn is_current(&self, generation: u64) -> bool {
        self.generation == generation && matches!(self.phase, Phase::Running | Phase::ShuttingDown)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
