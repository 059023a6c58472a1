//! `INSERT`, `UPDATE` and `DELETE`, row by row.

use super::constraints::Clash;
use super::{Done, Session};
use crate::error::{PgError, PgResult};
use crate::exec::Env;
use crate::heap::{RowLock, Snapshot};
use crate::plan::{Analyzer, Conflict, Dml, Expr, InsertSource, NoWait, Write, checks};
use crate::value::{Row, Value};
use crate::wal::Change;
use crate::xact::Isolation;

/// What a statement that writes has before it.
struct Job<'a> {
    write: &'a Write,
    params: &'a [Value],
    snapshot: Snapshot,
    checks: Vec<(String, Expr)>,
    /// What is returned.
    rows: Vec<Row>,
    count: usize,
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

    async fn insert_all(
        &mut self,
        job: &mut Job<'_>,
        source: &InsertSource,
        conflict: Option<&Conflict>,
    ) -> PgResult<()> {
        let snapshot = job.snapshot.clone();
        let rows: Vec<Row> = self
            .evaluate(&snapshot, job.params, |evaluator| {
                let (found, exprs): (Vec<Row>, Vec<&Vec<Expr>>) = match source {
                    InsertSource::Rows(rows) => {
                        (vec![Row::new(); rows.len()], rows.iter().collect())
                    }
                    InsertSource::Query(query, exprs) => {
                        let found = evaluator.query(query, None)?;
                        let exprs = vec![exprs; found.len()];
                        (found, exprs)
                    }
                };
                let mut rows = Vec::new();
                for (found, exprs) in found.iter().zip(exprs) {
                    let env = Env { row: found, ..Env::default() };
                    let row: Result<Row, _> =
                        exprs.iter().map(|expr| evaluator.eval(expr, &env)).collect();
                    rows.push(row?);
                }
                Ok(rows)
            })
            .await?;
        for row in rows {
            self.insert_one(job, row, conflict).await?;
        }
        Ok(())
    }

    async fn insert_one(
        &mut self,
        job: &mut Job<'_>,
        row: Row,
        conflict: Option<&Conflict>,
    ) -> PgResult<()> {
        self.check_row(job, &row).await?;
        let table = job.write.table;
        loop {
            let clash = {
                let mut state = self.shared.interrupts()?;
                match self.data.clash(&state, table, &row, None) {
                    None => {
                        let tid = state.heap(table).next_tid();
                        let change = Change::Insert { table, tid, row: row.clone() };
                        self.data.change(&mut state, change)?;
                        self.data.put_off(&state, table, tid, true);
                        None
                    }
                    clash => clash,
                }
            };
            let (index, tid) = match clash {
                None => {
                    job.count += 1;
                    return self.return_row(job, &row).await;
                }
                Some(Clash::InFlight(xid)) => {
                    self.wait_for_xact(xid).await?;
                    continue;
                }
                Some(Clash::Taken { index, tid }) => (index, tid),
            };
            let meant = conflict.filter(|conflict| conflict.arbiter.is_none_or(|at| at == index));
            let Some(conflict) = meant else {
                return Err(self.duplicate(table, index, &row));
            };
            self.refuse_unseen(job, tid)?;
            let Some((set, filter)) = &conflict.update else { return Ok(()) };
            if self.update_existing(job, tid, &row, set, filter.as_ref()).await? {
                return Ok(());
            }
        }
    }

    /// A transaction that keeps its snapshot must not act on a row that it does not see.
    fn refuse_unseen(&self, job: &Job<'_>, tid: u64) -> PgResult<()> {
        if self.data.xact().isolation == Isolation::ReadCommitted {
            return Ok(());
        }
        let state = self.shared.lock();
        let xact = self.data.xact();
        let (snapshot, clog) = (&job.snapshot, &state.clog);
        let view = crate::heap::View { snapshot, mine: &xact.mine, cid: xact.cid, clog };
        let heap = state.heaps.get(&job.write.table);
        let seen = heap.and_then(|heap| heap.tuples.get(&tid)).is_some_and(|t| view.sees(t));
        if seen {
            return Ok(());
        }
        Err(PgError::new("40001", "could not serialize access due to concurrent update"))
    }

    /// `DO UPDATE`. False if the row is gone by now, and the insert has to be tried again.
    async fn update_existing(
        &mut self,
        job: &mut Job<'_>,
        tid: u64,
        excluded: &Row,
        set: &[(usize, Expr)],
        filter: Option<&Expr>,
    ) -> PgResult<bool> {
        let table = job.write.table;
        let own = {
            let state = self.shared.lock();
            let tuple = state.heaps.get(&table).and_then(|heap| heap.tuples.get(&tid));
            let cid = self.data.xact().cid;
            tuple.is_some_and(|t| t.cmin == cid && self.data.xact().mine.contains(&t.xmin))
        };
        if own {
            return Err(PgError::new(
                "21000",
                "ON CONFLICT DO UPDATE command cannot affect row a second time",
            )
            .hint(
                "Ensure that no rows proposed for insertion within the same command have \
                 duplicate constrained values.",
            ));
        }
        let locked = self.lock_row(table, tid, RowLock::NoKeyUpdate, NoWait::Wait, true).await?;
        if locked != Some(tid) {
            return Ok(false);
        }
        let Some(old) = self.row(table, tid) else { return Ok(false) };
        let both = [old.clone(), excluded.clone()].concat();
        let (snapshot, params) = (job.snapshot.clone(), job.params);
        let new = self
            .evaluate(&snapshot, params, |evaluator| {
                let env = Env { row: &both, ..Env::default() };
                if !evaluator.holds(filter, &env)? {
                    return Ok(None);
                }
                let mut new = old.clone();
                for (at, expr) in set {
                    new[*at] = evaluator.eval(expr, &env)?;
                }
                Ok(Some(new))
            })
            .await?;
        if let Some(new) = new {
            self.replace(job, tid, &old, new).await?;
        }
        Ok(true)
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

    async fn replace(&mut self, job: &mut Job<'_>, tid: u64, old: &Row, new: Row) -> PgResult<()> {
        self.check_row(job, &new).await?;
        let table = job.write.table;
        loop {
            let clash = {
                let mut state = self.shared.interrupts()?;
                let clash = self.data.clash(&state, table, &new, Some(tid));
                if clash.is_none() {
                    let keys = state.catalog.tables[&table].key_columns();
                    let key = keys.iter().any(|at| old[*at] != new[*at]);
                    let fresh = state.heap(table).next_tid();
                    let row = new.clone();
                    let change = Change::Update { table, old: tid, new: fresh, row, key };
                    self.data.change(&mut state, change)?;
                    self.data.put_off(&state, table, fresh, true);
                    if key {
                        self.data.put_off(&state, table, tid, false);
                    }
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
            self.data.change(&mut state, Change::Delete { table, tid })?;
            self.data.put_off(&state, table, tid, false);
        }
        job.count += 1;
        self.return_row(job, old).await
    }

    async fn return_row(&mut self, job: &mut Job<'_>, row: &Row) -> PgResult<()> {
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
    async fn check_row(&mut self, job: &Job<'_>, row: &Row) -> PgResult<()> {
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
