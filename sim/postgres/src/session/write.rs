//! Statements that write, row by row: what `UPDATE` and `DELETE` do, and what holds of any row.

use super::constraints::Clash;
use super::{Done, Session};
use crate::catalog::Table;
use crate::error::{PgError, PgResult};
use crate::exec::Env;
use crate::heap::{Holder, RowLock, Snapshot};
use crate::plan::{Analyzer, Dml, Expr, NoWait, Write, checks};
use crate::value::{Row, Value};
use crate::wal::Change;

/// What a statement that writes has before it.
pub(super) struct Job<'a> {
    pub(super) write: &'a Write,
    pub(super) params: &'a [Value],
    pub(super) snapshot: Snapshot,
    pub(super) checks: Vec<(String, Expr)>,
    /// What is returned.
    pub(super) rows: Vec<Row>,
    pub(super) count: usize,
}

impl Session {
    /// Writes.
    pub(super) async fn write(&mut self, write: &Write, params: &[Value]) -> PgResult<Done> {
        let (snapshot, checks) = {
            let mut state = self.shared.alive()?;
            let snapshot = self.data.snapshot(&mut state);
            let table = state.catalog.tables.get(&write.table).cloned();
            let mut analyzer = Analyzer::new(self.data.names(&state), Vec::new());
            let checks = table.map(|table| checks(&mut analyzer, &table)).transpose()?;
            (snapshot, checks.unwrap_or_default())
        };
        let mut job = Job { write, params, snapshot, checks, rows: Vec::new(), count: 0 };
        let verb = match &write.what {
            Dml::Insert { source, conflict } => {
                self.insert_all(&mut job, source, conflict.as_ref()).await?;
                "INSERT 0"
            }
            Dml::Update { set, filter } => {
                self.change_all(&mut job, Some(set), filter.as_ref()).await?;
                "UPDATE"
            }
            Dml::Delete { filter } => {
                self.change_all(&mut job, None, filter.as_ref()).await?;
                "DELETE"
            }
        };
        let fields = write.returning.as_ref().map(|(fields, _)| fields.clone());
        let tag = format!("{verb} {}", job.count);
        Ok(Done { tag, rows: fields.map(|fields| (fields, job.rows)) })
    }

    /// `UPDATE`, or `DELETE` if nothing is set.
    async fn change_all(
        &mut self,
        job: &mut Job<'_>,
        set: Option<&Vec<(usize, Expr)>>,
        filter: Option<&Expr>,
    ) -> PgResult<()> {
        let (table, params) = (job.write.table, job.params);
        let snapshot = job.snapshot.clone();
        let found = self
            .evaluate(&snapshot, params, |evaluator| {
                let mut taken = Vec::new();
                for found in evaluator.scan(table, filter, None)? {
                    let env = Env { row: &found.row, ..Env::default() };
                    if evaluator.holds(filter, &env)? {
                        taken.push(found);
                    }
                }
                Ok(taken)
            })
            .await?;
        for found in found {
            let Some(seen) = found.tid else { continue };
            let strength = self.strength(job, set, &found.row).await?;
            let last = self.lock_row(table, seen, strength, NoWait::Wait, false).await?;
            let Some(last) = last else { continue };
            let Some(old) = self.row(table, last) else { continue };
            // Another version than the one that was seen has to be one that is meant, too.
            let recheck = if last == seen { None } else { filter };
            let new = self
                .evaluate(&snapshot, params, |evaluator| {
                    let env = Env { row: &old, ..Env::default() };
                    if !evaluator.holds(recheck, &env)? {
                        return Ok(None);
                    }
                    let mut new = old.clone();
                    for (at, expr) in set.into_iter().flatten() {
                        new[*at] = evaluator.eval(expr, &env)?;
                    }
                    Ok(Some(new))
                })
                .await?;
            match (new, set) {
                (None, _) => {}
                (Some(new), Some(_)) => self.replace(job, last, &old, new).await?,
                (Some(_), None) => self.delete(job, last, &old).await?,
            }
        }
        Ok(())
    }

    /// An update that changes no key leaves room for those who refer to the row.
    async fn strength(
        &mut self,
        job: &Job<'_>,
        set: Option<&Vec<(usize, Expr)>>,
        row: &Row,
    ) -> PgResult<RowLock> {
        let Some(set) = set else { return Ok(RowLock::Update) };
        let keys = {
            let state = self.shared.lock();
            let table = state.catalog.tables.get(&job.write.table);
            table.map(crate::catalog::Table::key_columns).unwrap_or_default()
        };
        let touched: Vec<_> = set.iter().filter(|(at, _)| keys.contains(at)).collect();
        let changed = self
            .evaluate(&job.snapshot, job.params, |evaluator| {
                let env = Env { row, ..Env::default() };
                for (at, expr) in &touched {
                    if evaluator.eval(expr, &env)? != row[*at] {
                        return Ok(true);
                    }
                }
                Ok(false)
            })
            .await?;
        Ok(if changed { RowLock::Update } else { RowLock::NoKeyUpdate })
    }

    pub(super) async fn replace(
        &mut self,
        job: &mut Job<'_>,
        tid: u64,
        old: &Row,
        new: Row,
    ) -> PgResult<()> {
        self.check_row(job, &new).await?;
        let table = job.write.table;
        let keys = {
            let state = self.shared.lock();
            state.catalog.tables.get(&table).map(Table::key_columns).unwrap_or_default()
        };
        let key = keys.iter().any(|at| old[*at] != new[*at]);
        let mut place = None;
        loop {
            let clash = {
                let mut state = self.shared.interrupts()?;
                // Keys are looked at only where one has changed.
                let clash = key.then(|| self.data.clash(&state, table, &new, Some(tid))).flatten();
                match clash {
                    None => {
                        let fresh = place.unwrap_or_else(|| state.heap(table).next_tid());
                        let row = new.clone();
                        let change = Change::Update { table, old: tid, new: fresh, row, key };
                        self.data.change(&mut state, change);
                        self.data.put_off(&state, table, fresh, true);
                        if key {
                            self.data.put_off(&state, table, tid, false);
                        }
                    }
                    // The row is written before its keys are looked at: to whoever comes by
                    // while this waits, the old version has been ended.
                    Some(Clash::InFlight(_)) if place.is_none() => {
                        place = Some(state.heap(table).next_tid());
                        let xid = self.data.assign_current(&mut state);
                        let ended = Some(self.data.xact().cid);
                        let holder = Holder { xid, strength: RowLock::Update, ended };
                        if let Some(tuple) = state.heap(table).tuples.get_mut(&tid) {
                            tuple.hold(holder);
                        }
                    }
                    Some(_) => {}
                }
                clash
            };
            match clash {
                None => break,
                Some(Clash::InFlight(xid)) => self.wait_for_xact(xid).await?,
                Some(Clash::Taken { index, .. }) => {
                    return Err(self.duplicate(table, index, &new));
                }
            }
        }
        job.count += 1;
        self.return_row(job, &new).await
    }

    async fn delete(&mut self, job: &mut Job<'_>, tid: u64, old: &Row) -> PgResult<()> {
        let table = job.write.table;
        {
            let mut state = self.shared.interrupts()?;
            self.data.change(&mut state, Change::Delete { table, tid });
            self.data.put_off(&state, table, tid, false);
        }
        job.count += 1;
        self.return_row(job, old).await
    }

    pub(super) async fn return_row(&mut self, job: &mut Job<'_>, row: &Row) -> PgResult<()> {
        let Some((_, exprs)) = &job.write.returning else { return Ok(()) };
        let row: Row = self
            .evaluate(&job.snapshot, job.params, |evaluator| {
                let env = Env { row, ..Env::default() };
                exprs.iter().map(|expr| evaluator.eval(expr, &env)).collect()
            })
            .await?;
        job.rows.push(row);
        Ok(())
    }

    /// What must hold of a row by itself.
    pub(super) async fn check_row(&mut self, job: &Job<'_>, row: &Row) -> PgResult<()> {
        let table = {
            let state = self.shared.lock();
            state.catalog.tables.get(&job.write.table).cloned()
        };
        let Some(table) = table else { return Ok(()) };
        for (column, value) in table.columns.iter().zip(row) {
            if column.not_null && value.is_null() {
                let (column, relation) = (&column.name, &table.name);
                let text = format!(
                    "null value in column \"{column}\" of relation \"{relation}\" violates \
                     not-null constraint"
                );
                return Err(PgError::new("23502", text)
                    .detail(failing(&table, row))
                    .on_table(relation)
                    .on_column(column));
            }
            if let (Some(limit), Some(text)) = (column.limit, value.as_text())
                && text.chars().count() as u64 > limit
            {
                let text = format!("value too long for type character varying({limit})");
                return Err(PgError::new("22001", text));
            }
        }
        for (name, check) in &job.checks {
            let failed = self
                .evaluate(&job.snapshot, &[], |evaluator| {
                    let env = Env { row, ..Env::default() };
                    Ok(matches!(evaluator.eval(check, &env)?, Value::Bool(false)))
                })
                .await?;
            if failed {
                let relation = &table.name;
                let text = format!(
                    "new row for relation \"{relation}\" violates check constraint \"{name}\""
                );
                return Err(PgError::new("23514", text)
                    .detail(failing(&table, row))
                    .on_table(relation)
                    .on_constraint(name));
            }
        }
        Ok(())
    }
}

fn failing(table: &crate::catalog::Table, row: &Row) -> String {
    let values = table.columns.iter().zip(row).map(|(column, value)| match value {
        Value::Null => "null".to_owned(),
        value => crate::value::text::write(value, column.ty),
    });
    format!("Failing row contains ({}).", values.collect::<Vec<_>>().join(", "))
}
