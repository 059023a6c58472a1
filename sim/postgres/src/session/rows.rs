//! Locks of rows: whoever is in the way is waited for, and then the row is looked at again.

use super::Session;
use crate::error::{PgError, PgResult};
use crate::heap::RowLock;
use crate::locks::{Mode, Span, Tag};
use crate::plan::NoWait;
use crate::server::State;
use crate::wal::Change;
use crate::xact::Isolation;

/// What came of an attempt to lock a row.
enum Attempt {
    /// It is locked, or free to be changed: this version of it.
    Ready(u64),
    /// It was updated or deleted by a transaction that has committed.
    Moved(Option<u64>),
    /// The transaction at hand has ended it already.
    Mine,
    /// This transaction is in the way.
    Blocked(u64),
    /// It is in the way of a later version, where neither `NOWAIT` nor `SKIP LOCKED` counts.
    Behind(u64),
}

impl Session {
    /// Locks a row, and says which version of it is now the last: the one given, or a later one
    /// if it was updated while it was waited for. Nothing if it is gone, or skipped.
    ///
    /// Without `mark`, a row that was not waited for gets no mark, since its change will be one.
    ///
    /// # Errors
    /// 40001 where the transaction keeps its snapshot and the row was changed; 55P03 and the
    /// others of a wait.
    pub(super) async fn lock_row(
        &mut self,
        table: u32,
        tid: u64,
        strength: RowLock,
        wait: NoWait,
        mark: bool,
    ) -> PgResult<Option<u64>> {
        let (mut at, mut queued) = (tid, None);
        let result = loop {
            let mark = mark || at != tid || queued.is_some();
            match self.attempt(table, at, strength, mark)? {
                Attempt::Ready(tid) => break Ok(Some(tid)),
                Attempt::Mine => break Ok(None),
                Attempt::Moved(next) => {
                    if self.data.xact().isolation > Isolation::ReadCommitted {
                        let how = if next.is_some() { "update" } else { "delete" };
                        let text = format!("could not serialize access due to concurrent {how}");
                        break Err(PgError::new("40001", text));
                    }
                    match next {
                        Some(next) => at = next,
                        None => break Ok(None),
                    }
                }
                Attempt::Behind(xid) => {
                    if let Err(error) = self.wait_for_xact(xid).await {
                        break Err(error);
                    }
                }
                Attempt::Blocked(_) if wait == NoWait::Skip => break Ok(None),
                Attempt::Blocked(_) if wait == NoWait::Error => {
                    let name = self.table_name(table);
                    let text = format!("could not obtain lock on row in relation \"{name}\"");
                    break Err(PgError::new("55P03", text));
                }
                Attempt::Blocked(xid) => {
                    // The first in the queue waits for the transaction, the others for it.
                    if queued.is_none() {
                        let (tag, mode) = (Tag::Tuple(table, at), Mode::Exclusive);
                        self.lock_object(tag, mode, Span::Transaction).await?;
                        queued = Some((tag, mode));
                    }
                    if let Err(error) = self.wait_for_xact(xid).await {
                        break Err(error);
                    }
                }
            }
        };
        if let Some((tag, mode)) = queued {
            self.unlock(tag, mode);
        }
        result
    }

    fn attempt(
        &mut self,
        table: u32,
        tid: u64,
        strength: RowLock,
        mark: bool,
    ) -> PgResult<Attempt> {
        let mut state = self.shared.interrupts()?;
        let State { heaps, clog, running, .. } = &mut *state;
        let heap = heaps.entry(table).or_default();
        let mine = &self.data.xact().mine;
        let mut next = Some(tid);
        while let Some(at) = next.take() {
            let Some(tuple) = heap.tuples.get_mut(&at) else { return Ok(Attempt::Moved(None)) };
            tuple.sweep(clog, |xid| running.contains(&xid));
            if let Some(ender) = tuple.ender() {
                // What this transaction itself has ended is nobody's to follow.
                if mine.contains(&ender.xid) {
                    return Ok(Attempt::Mine);
                }
                // A key that an update leaves as it was is locked where it is seen, and in all
                // versions since (`heap_lock_updated_tuple`).
                if strength == RowLock::KeyShare && ender.strength != RowLock::Update {
                    next = tuple.next;
                } else if !running.contains(&ender.xid) {
                    return Ok(Attempt::Moved(tuple.next));
                }
            }
            let in_the_way = tuple
                .holders
                .iter()
                .find(|holder| !mine.contains(&holder.xid) && holder.strength.conflicts(strength));
            if let Some(holder) = in_the_way {
                let (xid, asked) = (holder.xid, at == tid);
                return Ok(if asked { Attempt::Blocked(xid) } else { Attempt::Behind(xid) });
            }
        }
        if mark {
            self.data.change(&mut state, Change::Lock { table, tid, strength });
        }
        Ok(Attempt::Ready(tid))
    }

    pub(super) fn table_name(&self, table: u32) -> String {
        let state = self.shared.lock();
        state.catalog.tables.get(&table).map(|table| table.name.clone()).unwrap_or_default()
    }
}
