//! `PREPARE TRANSACTION`, `COMMIT PREPARED`, `ROLLBACK PREPARED`.
//!
//! Both ends are flushed to the log before anybody sees them, whatever `synchronous_commit` says,
//! and in that time nothing but a crash interrupts them: neither a cancel request, nor an
//! administrator, nor the client's being gone.

use super::{Block, Session, SessionData};
use crate::edges::{Effect, What};
use crate::error::{PgError, PgResult};
use crate::heap::Status;
use crate::locks::Owner;
use crate::server::{Gxact, State};
use crate::wal::{Ended, Prepared, Record};

/// The longest gid, in bytes.
const LONGEST_GID: usize = 199;

impl Session {
    /// Prepares the transaction.
    ///
    /// # Errors
    /// The transaction has rolled back. Or the server has crashed, and nobody knows.
    pub(super) async fn prepare(&mut self, gid: &str) -> PgResult<()> {
        self.data.block = Block::Idle;
        {
            let mut state = self.shared.alive()?;
            self.data.assign_top(&mut state);
        }
        if let Err(error) = self.check_constraints(true).await {
            return Err(self.give_up(error));
        }
        let record = {
            let mut state = self.shared.alive()?;
            let reserved = self.data.reserve(&mut state, gid);
            drop(state);
            match reserved {
                Ok(prepared) => {
                    let state = self.shared.alive()?;
                    state.edges.append(Record::Prepare(prepared).encode(), true)
                }
                Err(error) => return Err(self.give_up(error)),
            }
        };
        self.shared.written(record).await?;
        let mut state = self.shared.alive()?;
        let (pid, database) = (self.data.pid, self.data.database);
        let by = Some(self.data.by());
        let Some(xact) = self.data.xact.take() else { return Ok(()) };
        let xid = xact.xid.unwrap_or_default();
        if let Some(gxact) = state.prepared.get_mut(gid) {
            gxact.valid = true;
            gxact.locked_by = None;
        }
        state.locks.hand_over(pid, xid);
        let what = What::Prepared { gid: gid.to_owned() };
        let database = state.catalog.database_name(database);
        state.edges.tell(&Effect { what, xid, database, by, durable: true });
        self.data.leave(&mut state);
        self.data.settings.commit();
        Ok(())
    }

    /// Ends a prepared transaction.
    ///
    /// # Errors
    /// It is as it was. Or the server has crashed, and nobody knows.
    pub(super) async fn finish_prepared(&mut self, gid: &str, status: Status) -> PgResult<()> {
        let record = {
            let mut state = self.shared.alive()?;
            let xid = self.data.lock_prepared(&mut state, gid)?;
            let gid = gid.to_owned();
            let record = match status {
                Status::Committed => Record::CommitPrepared { gid, xid },
                Status::Aborted => Record::RollbackPrepared { gid, xid },
            };
            state.edges.append(record.encode(), true)
        };
        self.shared.written(record).await?;
        let mut state = self.shared.alive()?;
        let Some(Gxact { prepared, .. }) = state.prepared.remove(gid) else { return Ok(()) };
        let xid = prepared.xid();
        state.end(&prepared.work.xids, &prepared.work.changes, status);
        let gid = gid.to_owned();
        let what = match status {
            Status::Committed => What::CommittedPrepared { gid },
            Status::Aborted => What::RolledBackPrepared { gid },
        };
        let database = state.catalog.database_name(prepared.work.database);
        let by = Some(self.data.by());
        state.edges.tell(&Effect { what, xid, database, by, durable: true });
        let granted = state.locks.release_all(Owner::Prepared(xid), false);
        state.wake(granted);
        Ok(())
    }
}

impl SessionData {
    /// Takes a slot and the gid for the transaction (`MarkAsPreparing`), and says what is to be
    /// written.
    fn reserve(&mut self, state: &mut State, gid: &str) -> PgResult<Prepared> {
        let unpreparable = self.xact().unpreparable;
        if let Some(why) = unpreparable.filter(|why| *why != super::LISTENS) {
            return Err(PgError::new("0A000", why));
        }
        if gid.len() > LONGEST_GID {
            let text = format!("transaction identifier \"{gid}\" is too long");
            return Err(PgError::new("22023", text));
        }
        let slots = state.options.max_prepared_transactions;
        if slots == 0 {
            return Err(PgError::new("55000", "prepared transactions are disabled")
                .hint("Set max_prepared_transactions to a nonzero value."));
        }
        if state.prepared.contains_key(gid) {
            let text = format!("transaction identifier \"{gid}\" is already in use");
            return Err(PgError::new("42710", text));
        }
        let prepared = state.prepared.len();
        if prepared >= slots || !state.edges.observer().has_slot(prepared) {
            return Err(PgError::new("53200", "maximum number of prepared transactions reached")
                .hint(format!("Increase max_prepared_transactions (currently {slots}).")));
        }
        if let Some(why) = unpreparable {
            return Err(PgError::new("0A000", why));
        }
        let owner = Owner::Backend(self.pid);
        if state.locks.is_held_twice(owner) {
            return Err(PgError::new(
                "0A000",
                "cannot PREPARE while holding both session-level and transaction-level locks on \
                 the same object",
            ));
        }
        let xact = self.xact();
        let prepared = Prepared {
            gid: gid.to_owned(),
            owner: self.current_user(),
            at: state.now(),
            work: Ended {
                xids: xact.xids(),
                database: self.database,
                tag: self.tag(state),
                changes: xact.changes.clone(),
            },
            locks: state.locks.held(owner),
        };
        let gxact = Gxact { prepared: prepared.clone(), valid: false, locked_by: Some(self.pid) };
        state.prepared.insert(gid.to_owned(), gxact);
        Ok(prepared)
    }

    /// Takes a prepared transaction into its hands to end it (`LockGXact`).
    fn lock_prepared(&self, state: &mut State, gid: &str) -> PgResult<u64> {
        let (user, database) = (self.current_user(), self.database);
        let superuser = state.catalog.is_superuser(&user);
        let found = state.prepared.get_mut(gid).filter(|gxact| gxact.valid);
        let Some(gxact) = found else {
            let text = format!("prepared transaction with identifier \"{gid}\" does not exist");
            return Err(PgError::new("42704", text));
        };
        if gxact.locked_by.is_some() {
            let text = format!("prepared transaction with identifier \"{gid}\" is busy");
            return Err(PgError::new("55000", text));
        }
        if gxact.prepared.owner != user && !superuser {
            return Err(PgError::new("42501", "permission denied to finish prepared transaction")
                .hint("Must be superuser or the user that prepared the transaction."));
        }
        if gxact.prepared.work.database != database {
            return Err(PgError::new("0A000", "prepared transaction belongs to another database")
                .hint("Connect to the database where the transaction was prepared to finish it."));
        }
        gxact.locked_by = Some(self.pid);
        Ok(gxact.prepared.xid())
    }
}
