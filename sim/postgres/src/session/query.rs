//! Queries in a session, with the locks of rows that they ask for.

use super::{Done, Session};
use crate::error::{PgError, PgResult};
use crate::exec::{Env, Found};
use crate::heap::{RowLock, Snapshot};
use crate::plan::{Locking, Query, Source};
use crate::value::{Row, Value};

impl Session {
    /// Runs a query.
    pub(super) async fn select(&mut self, query: &Query, params: &[Value]) -> PgResult<Done> {
        let snapshot = {
            let mut state = self.shared.alive()?;
            self.data.snapshot(&mut state)
        };
        let rows = if query.locking.is_some() {
            self.locked(query, params, &snapshot).await?
        } else {
            self.evaluate(&snapshot, params, |evaluator| evaluator.query(query, None)).await?
        };
        Ok(Done { tag: format!("SELECT {}", rows.len()), rows: Some((query.fields(), rows)) })
    }

    async fn locked(
        &mut self,
        query: &Query,
        params: &[Value],
        snapshot: &Snapshot,
    ) -> PgResult<Vec<Row>> {
        let (Some(locking), Source::Table(table)) = (query.locking, &query.source) else {
            return Ok(Vec::new());
        };
        if self.data.xact().read_only {
            let what = match locking.strength {
                RowLock::Update => "UPDATE",
                RowLock::NoKeyUpdate => "NO KEY UPDATE",
                RowLock::Share => "SHARE",
                RowLock::KeyShare => "KEY SHARE",
            };
            let text = format!("cannot execute SELECT FOR {what} in a read-only transaction");
            return Err(PgError::new("25006", text));
        }
        let (found, window) = self
            .evaluate(snapshot, params, |evaluator| {
                Ok((evaluator.found(query, None)?, evaluator.window(query, None)?))
            })
            .await?;
        let (offset, limit) = window;
        let mut rows = Vec::new();
        for Found { tid, .. } in found {
            if rows.len() >= limit.saturating_add(offset) {
                break;
            }
            let Some(tid) = tid else { continue };
            match self.lock_one((query, *table, locking), tid, params, snapshot).await {
                Ok(row) => rows.extend(row),
                // Each row goes out when it is locked.
                Err(error) => {
                    let rows: Vec<_> = rows.into_iter().skip(offset).collect();
                    self.data.cut_short = (!rows.is_empty()).then(|| (query.fields(), rows));
                    return Err(error);
                }
            }
        }
        Ok(rows.into_iter().skip(offset).collect())
    }

    /// Locks a row that was found, and gives what it returns then, if it still is one.
    async fn lock_one(
        &mut self,
        (query, table, locking): (&Query, u32, Locking),
        tid: u64,
        params: &[Value],
        snapshot: &Snapshot,
    ) -> PgResult<Option<Row>> {
        let last = self.lock_row(table, tid, locking.strength, locking.wait, true).await?;
        let Some(last) = last else { return Ok(None) };
        let Some(row) = self.row(table, last) else { return Ok(None) };
        let filter = if last == tid { None } else { query.filter.as_ref() };
        self.evaluate(snapshot, params, |evaluator| {
            let env = Env { row: &row, ..Env::default() };
            if !evaluator.holds(filter, &env)? {
                return Ok(None);
            }
            evaluator.output(query, &row, None).map(Some)
        })
        .await
    }

    /// A version of a row.
    pub(super) fn row(&self, table: u32, tid: u64) -> Option<Row> {
        let state = self.shared.lock();
        Some(state.heaps.get(&table)?.tuples.get(&tid)?.row.clone())
    }
}
