//! Waiting for locks, with what bounds the wait.

use std::time::Duration;

use super::{Block, Session};
use crate::error::{PgError, PgResult};
use crate::locks::{Mode, Owner, Span, Tag};
use crate::server::{Deadlines, State};

const DEADLOCK: &str = "look for a deadlock now";

impl Session {
    fn owner(&self) -> Owner {
        Owner::Backend(self.data.pid)
    }

    /// Takes a lock, and waits for it if it must.
    ///
    /// # Errors
    /// 55P03, 57014, 40P01, and whatever ends the session: it was not taken.
    pub(super) async fn lock_object(&mut self, tag: Tag, mode: Mode, span: Span) -> PgResult<()> {
        {
            let mut state = self.shared.interrupts()?;
            if state.locks.take(self.owner(), tag, mode, span) {
                drop(state);
                self.remember(tag, mode, span);
                return Ok(());
            }
            state.locks.enqueue(self.data.pid, tag, mode, span);
            if let Some(backend) = state.backends.get_mut(&self.data.pid) {
                backend.wait = Some(("Lock", tag.event()));
            }
        }
        let result = self.wait_for_lock(tag).await;
        self.shared.note(None);
        if result.is_err()
            && let Ok(mut state) = self.shared.alive()
        {
            // It may have been granted in the moment in which the wait ended.
            let granted = if state.locks.is_waiting(self.data.pid, tag) {
                state.locks.give_up(self.data.pid, tag)
            } else {
                state.locks.release(self.owner(), tag, mode, span).unwrap_or_default()
            };
            state.wake(granted);
        }
        result.map(|()| self.remember(tag, mode, span))
    }

    fn remember(&mut self, tag: Tag, mode: Mode, span: Span) {
        if let (Span::Transaction, Some(xact)) = (span, self.data.xact.as_mut()) {
            xact.locks.push((tag, mode));
        }
    }

    async fn wait_for_lock(&mut self, tag: Tag) -> PgResult<()> {
        let started = self.shared.lock().edges.now();
        let lock_timeout = self.data.settings.milliseconds("lock_timeout");
        let lock_timeout = lock_timeout.map(Duration::from_millis);
        let deadlock_timeout = self.data.settings.milliseconds("deadlock_timeout");
        let deadlock_timeout = Duration::from_millis(deadlock_timeout.unwrap_or(1));
        let mut look = true;
        loop {
            let waited = self.shared.lock().edges.now().saturating_sub(started);
            let mut deadlines = self.statement_deadline();
            if let Some(limit) = lock_timeout {
                let error = PgError::new("55P03", "canceling statement due to lock timeout");
                deadlines.push((limit.saturating_sub(waited), error));
            }
            if look {
                let after = deadlock_timeout.saturating_sub(waited);
                deadlines.push((after, PgError::new("00000", DEADLOCK)));
            }
            let pid = self.data.pid;
            let granted = |state: &mut State| (!state.locks.is_waiting(pid, tag)).then_some(());
            match self.shared.until(deadlines, granted).await {
                Err(error) if error.message == DEADLOCK => {
                    look = false;
                    if self.shared.alive()?.locks.is_deadlocked(pid) {
                        return Err(PgError::new("40P01", "deadlock detected")
                            .hint("See server log for query details."));
                    }
                }
                result => return result,
            }
        }
    }

    /// Gives back a lock of the transaction before its end.
    pub(super) fn unlock(&mut self, tag: Tag, mode: Mode) {
        let owner = self.owner();
        if let Some(xact) = self.data.xact.as_mut()
            && let Some(at) = xact.locks.iter().rposition(|held| *held == (tag, mode))
        {
            xact.locks.remove(at);
        }
        if let Ok(mut state) = self.shared.alive() {
            let granted = state.locks.release(owner, tag, mode, Span::Transaction);
            state.wake(granted.unwrap_or_default());
        }
    }

    /// Locks a table for the rest of the transaction, unless it is.
    pub(super) async fn lock_table(&mut self, table: u32, mode: Mode) -> PgResult<()> {
        let tag = Tag::Relation(table);
        if self.data.xact().locks.contains(&(tag, mode)) {
            return Ok(());
        }
        self.lock_object(tag, mode, Span::Transaction).await
    }

    /// Waits until a transaction is over.
    pub(super) async fn wait_for_xact(&mut self, xid: u64) -> PgResult<()> {
        let tag = Tag::Transaction(xid);
        self.lock_object(tag, Mode::Share, Span::Transaction).await?;
        self.unlock(tag, Mode::Share);
        Ok(())
    }

    /// When the statement has to be done. It does not bound the end of a transaction, in which
    /// deferred constraints may wait (`finish_xact_command` disables the timeout first).
    pub(super) fn statement_deadline(&self) -> Deadlines {
        let limit = self.data.settings.milliseconds("statement_timeout");
        let Some(limit) = limit.filter(|_| self.data.block != Block::Idle) else {
            return Vec::new();
        };
        let now = self.shared.lock().now();
        let ran = u64::try_from(now - self.data.statement_start).unwrap_or(0);
        let left = Duration::from_millis(limit).saturating_sub(Duration::from_micros(ran));
        vec![(left, PgError::new("57014", "canceling statement due to statement timeout"))]
    }
}
