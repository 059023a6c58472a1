//! Transactions from their begin to their end in one phase, and savepoints.
//!
//! The order at a commit is that of Postgres: the log is flushed, then the effects are seen, then
//! the locks are released.

use super::{Block, Session, SessionData};
use crate::edges::{Effect, What};
use crate::error::{PgError, PgResult};
use crate::heap::Status;
use crate::locks::Owner;
use crate::server::State;
use crate::sql::Modes;
use crate::wal::{Change, Ended, Record};
use crate::xact::{Isolation, Sub, Xact};

impl SessionData {
    /// Begins a transaction.
    pub(super) fn start(&mut self, state: &mut State, block: Block) {
        let read_only = self.settings.is_on("default_transaction_read_only");
        let isolation = self.settings.isolation();
        let mut xact = Xact::new(isolation, read_only, self.statement_start);
        xact.deferrable = self.settings.is_on("default_transaction_deferrable");
        if let Some(backend) = state.backends.get_mut(&self.pid) {
            backend.xact_start = Some(xact.started);
        }
        self.xact = Some(xact);
        self.block = block;
        self.settings.begin();
    }

    /// How the transaction is to be.
    ///
    /// # Errors
    /// 25001: it is too late for that.
    pub(super) fn set_modes(&mut self, modes: Modes) -> PgResult<()> {
        let Some(xact) = self.xact.as_mut() else { return Ok(()) };
        let too_late = |what: &str| PgError::new("25001", format!("{what} before any query"));
        if let Some(isolation) = modes.isolation.filter(|level| *level != xact.isolation) {
            if xact.has_snapshot {
                return Err(too_late("SET TRANSACTION ISOLATION LEVEL must be called"));
            }
            if !xact.subs.is_empty() {
                return Err(PgError::new(
                    "25001",
                    "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction",
                ));
            }
            xact.isolation = isolation;
        }
        if let Some(read_only) = modes.read_only {
            if xact.read_only && !read_only && xact.has_snapshot {
                let text = "transaction read-write mode must be set before any query";
                return Err(PgError::new("25001", text));
            }
            xact.read_only = read_only;
        }
        if let Some(deferrable) = modes.deferrable {
            if xact.has_snapshot {
                return Err(too_late("SET TRANSACTION [NOT] DEFERRABLE must be called"));
            }
            xact.deferrable = deferrable;
        }
        Ok(())
    }

    /// The value of the setting by which the host recognises the transaction.
    pub(crate) fn tag(&self, state: &State) -> Option<String> {
        self.settings.get(&state.options.tag).filter(|tag| !tag.is_empty()).map(ToOwned::to_owned)
    }

    /// A transaction is no longer this backend's.
    pub(super) fn leave(&mut self, state: &mut State) {
        if let Some(backend) = state.backends.get_mut(&self.pid) {
            backend.xid = None;
            backend.xmin = None;
            backend.xact_start = None;
        }
        let granted = state.locks.release_all(Owner::Backend(self.pid), false);
        state.wake(granted);
    }

    /// Takes everything back that the transaction has done.
    pub(super) fn roll_back(&mut self, state: &mut State) {
        let tag = self.tag(state);
        if let Some(xact) = self.xact.take() {
            let xids = xact.xids();
            state.end(&xids, &xact.changes, Status::Aborted);
            if let Some(xid) = xact.xid {
                if xact.is_logged {
                    drop(state.edges.append(Record::Abort { xids }.encode(), false));
                }
                let database = state.catalog.database_name(self.database);
                let what = What::Aborted { tag };
                let by = Some(self.by());
                state.edges.tell(&Effect { what, xid, database, by, durable: false });
            }
            self.settings.abort();
        }
        self.leave(state);
    }

    /// Goes back to where a savepoint was set. The savepoint stays.
    pub(super) fn roll_back_to(&mut self, state: &mut State, depth: usize) {
        let pid = self.pid;
        let xact = self.xact.as_mut().expect("a savepoint is in a transaction");
        let subs = xact.subs.split_off(depth);
        let base = &subs[0];
        let undone: Vec<(u64, Change)> = xact.changes.split_off(base.changes);
        let xids: Vec<_> = subs.iter().filter_map(|sub| sub.xid).collect();
        // Also those of savepoints that were released within this one.
        let released = xact.mine.iter().filter(|xid| base.xid.is_some_and(|base| **xid > base));
        let xids: Vec<_> = xids.iter().chain(released).copied().collect();
        for xid in &xids {
            xact.mine.remove(xid);
        }
        xact.pending.truncate(base.pending);
        xact.listens.truncate(base.listens);
        xact.notifies.truncate(base.notifies);
        let locks = xact.locks.split_off(base.locks);
        state.end(&xids, &undone, Status::Aborted);
        for (tag, mode) in locks.into_iter().rev() {
            let span = crate::locks::Span::Transaction;
            let granted = state.locks.release(Owner::Backend(pid), tag, mode, span);
            state.wake(granted.unwrap_or_default());
        }
        self.settings.restore(&base.settings);
        let name = base.name.clone();
        self.set_savepoint(name);
    }

    /// Lets the effects be seen, and then the locks go.
    fn finish_commit(&mut self, state: &mut State, durable: bool) {
        let (pid, database) = (self.pid, self.database);
        let tag = self.tag(state);
        let Some(xact) = self.xact.take() else { return };
        state.end(&xact.xids(), &xact.changes, Status::Committed);
        if let Some(xid) = xact.xid {
            let what = What::Committed { tag };
            let database = state.catalog.database_name(database);
            let by = Some(self.by());
            state.edges.tell(&Effect { what, xid, database, by, durable });
        }
        state.publish(pid, database, &xact.listens, &xact.notifies);
        self.leave(state);
        self.settings.commit();
    }

    pub(super) fn set_savepoint(&mut self, name: String) {
        let settings = self.settings.clone();
        let xact = self.xact_mut();
        xact.subs.push(Sub {
            name,
            xid: None,
            changes: xact.changes.len(),
            locks: xact.locks.len(),
            pending: xact.pending.len(),
            listens: xact.listens.len(),
            notifies: xact.notifies.len(),
            settings,
        });
    }

    /// Where a savepoint is among those that are set; the last of a name counts.
    pub(super) fn savepoint(&self, name: &str) -> PgResult<usize> {
        let missing = || PgError::new("3B001", format!("savepoint \"{name}\" does not exist"));
        let subs = self.xact.as_ref().map(|xact| &xact.subs[..]).unwrap_or_default();
        subs.iter().rposition(|sub| sub.name == name).ok_or_else(missing)
    }
}

impl Session {
    /// Commits the transaction in one phase.
    ///
    /// # Errors
    /// A deferred constraint does not hold, or something was to be waited for in vain: the
    /// transaction has rolled back. The server has crashed: nobody knows.
    pub(super) async fn commit(&mut self) -> PgResult<()> {
        self.data.block = Block::Idle;
        if let Err(error) = self.check_constraints(true).await {
            return Err(self.give_up(error));
        }
        let (record, flush) = {
            let mut state = self.shared.alive()?;
            let tag = self.data.tag(&state);
            let asynchronous = self.data.settings.raw("synchronous_commit")? == "off";
            let xact = self.data.xact();
            if xact.xid.is_none() {
                self.data.finish_commit(&mut state, false);
                return Ok(());
            }
            let changes = xact.changes.iter();
            let changes = changes.filter(|(_, change)| !matches!(change, Change::Lock { .. }));
            let work = Ended {
                xids: xact.xids(),
                database: self.data.database,
                tag,
                changes: changes.cloned().collect(),
            };
            let flush = !asynchronous && self.data.xact().is_logged;
            let record = state.edges.append(Record::Commit(work).encode(), flush);
            if !flush {
                drop(record);
                self.data.finish_commit(&mut state, false);
                return Ok(());
            }
            (record, flush)
        };
        self.shared.written(record).await?;
        let mut state = self.shared.alive()?;
        self.data.finish_commit(&mut state, flush);
        Ok(())
    }

    /// Rolls back because of an error, and gives the error on.
    pub(super) fn give_up(&mut self, error: PgError) -> PgError {
        self.data.block = Block::Idle;
        if let Ok(mut state) = self.shared.alive() {
            self.data.roll_back(&mut state);
        }
        self.data.xact = None;
        error
    }

    /// What an error does to the transaction that it happens in.
    pub(super) fn fail(&mut self) {
        let Ok(mut state) = self.shared.alive() else {
            self.data.xact = None;
            self.data.block = Block::Idle;
            return;
        };
        if !matches!(self.data.block, Block::Open | Block::Failed) {
            self.data.roll_back(&mut state);
            self.data.block = Block::Idle;
            return;
        }
        self.data.block = Block::Failed;
        // Within a savepoint only what was done since is taken back, and its locks are released.
        let depth = self.data.xact.as_ref().map_or(0, |xact| xact.subs.len());
        if depth > 0 {
            self.data.roll_back_to(&mut state, depth - 1);
        } else {
            self.data.roll_back(&mut state);
        }
    }

    /// Rolls back, whatever there is.
    pub(super) fn abort(&mut self) {
        self.data.block = Block::Idle;
        if self.data.xact.is_some()
            && let Ok(mut state) = self.shared.alive()
        {
            self.data.roll_back(&mut state);
        }
        self.data.xact = None;
    }

    /// A command of the transaction is done.
    pub(super) async fn next_command(&mut self) -> PgResult<()> {
        self.check_constraints(false).await?;
        if let Some(xact) = self.data.xact.as_mut() {
            xact.cid += 1;
            if xact.isolation == Isolation::ReadCommitted
                && let Some(backend) = self.shared.alive()?.backends.get_mut(&self.data.pid)
            {
                backend.xmin = None;
            }
        }
        Ok(())
    }
}
