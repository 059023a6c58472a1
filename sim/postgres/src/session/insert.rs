//! `INSERT`, and what it does where a row is in the way.

use super::Session;
use super::constraints::Clash;
use super::write::Job;
use crate::error::{PgError, PgResult};
use crate::exec::Env;
use crate::heap::RowLock;
use crate::plan::{Conflict, Expr, InsertSource, NoWait};
use crate::value::Row;
use crate::wal::Change;
use crate::xact::Isolation;

impl Session {
    pub(super) async fn insert_all(
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
        // Its place among the rows it has before it waits, unless a conflict is looked for first.
        let mut place = None;
        loop {
            let clash = {
                let mut state = self.shared.interrupts()?;
                if conflict.is_none() && place.is_none() {
                    place = Some(state.heap(table).next_tid());
                }
                match self.data.clash(&state, table, &row, None) {
                    None => {
                        let tid = place.unwrap_or_else(|| state.heap(table).next_tid());
                        let change = Change::Insert { table, tid, row: row.clone() };
                        self.data.change(&mut state, change);
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
}
