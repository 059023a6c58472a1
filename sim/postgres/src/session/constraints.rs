//! Constraints that look at other rows: unique keys, and references.
//!
//! A unique key that cannot be put off is checked where the row is written. Everything else is
//! checked at the end of the statement, or of the transaction if it is deferred.

use super::{Session, SessionData};
use crate::catalog::{ForeignKey, Table};
use crate::error::{PgError, PgResult};
use crate::heap::{RowLock, Tuple, View, key};
use crate::locks::Mode;
use crate::plan::NoWait;
use crate::server::State;
use crate::value::{Row, Value, text};
use crate::xact::{Pending, PendingKind};

/// What stands in the way of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clash {
    /// This row has it, by this of the table's unique constraints.
    Taken { index: usize, tid: u64 },
    /// It depends on how this transaction ends.
    InFlight(u64),
}

/// Whether a version is there for a transaction that looks at what is, not at a snapshot.
enum Life {
    Alive,
    Dead,
    Open(u64),
}

fn life(state: &State, data: &SessionData, tuple: &Tuple) -> Life {
    let mine = &data.xact().mine;
    let open = |xid: &u64| !mine.contains(xid) && state.running.contains(xid);
    if open(&tuple.xmin) {
        return Life::Open(tuple.xmin);
    }
    let mut enders = tuple.holders.iter().filter(|holder| holder.ended.is_some());
    if let Some(ender) = enders.find(|ender| open(&ender.xid)) {
        Life::Open(ender.xid)
    } else {
        let ended = tuple.holders.iter().any(|holder| {
            holder.ended.is_some()
                && (mine.contains(&holder.xid) || state.clog.committed(holder.xid))
        });
        if ended { Life::Dead } else { Life::Alive }
    }
}

impl SessionData {
    /// What stands in the way of a row, beside the version that it replaces.
    pub(super) fn clash(
        &self,
        state: &State,
        table: u32,
        row: &Row,
        replaced: Option<u64>,
    ) -> Option<Clash> {
        let (table, heap) = (state.catalog.tables.get(&table)?, state.heaps.get(&table)?);
        for (index, unique) in table.uniques.iter().enumerate() {
            if unique.deferrable {
                continue;
            }
            let Some(key) = key(row, &unique.columns) else { continue };
            for tid in heap.with_key(index, &key) {
                let Some(tuple) = heap.tuples.get(&tid).filter(|_| replaced != Some(tid)) else {
                    continue;
                };
                match life(state, self, tuple) {
                    Life::Dead => {}
                    Life::Open(xid) => return Some(Clash::InFlight(xid)),
                    Life::Alive => return Some(Clash::Taken { index, tid }),
                }
            }
        }
        None
    }

    /// Notes what has to be checked of a version that came, or that went.
    pub(super) fn put_off(&mut self, state: &State, table: u32, tid: u64, came: bool) {
        let Some(definition) = state.catalog.tables.get(&table) else { return };
        let mut pending = Vec::new();
        let mut note = |constraint: &str, kind| {
            pending.push(Pending { table, constraint: constraint.to_owned(), kind });
        };
        if came {
            for unique in definition.uniques.iter().filter(|unique| unique.deferrable) {
                note(&unique.name, PendingKind::Unique(tid));
            }
            for foreign in &definition.foreign_keys {
                note(&foreign.name, PendingKind::Parent(tid));
            }
        } else {
            for (_, foreign) in referrers(state, table) {
                note(&foreign.name, PendingKind::Children(tid));
            }
        }
        self.xact_mut().pending.extend(pending);
    }

    /// Whether a transaction that keeps its snapshot sees a version in it, as a reference must.
    fn keeps_in_sight(&self, state: &State, tuple: &Tuple) -> bool {
        let xact = self.xact();
        xact.snapshot.as_ref().is_none_or(|snapshot| {
            // What the statement at hand did counts, too.
            let (mine, cid, clog) = (&xact.mine, u32::MAX, &state.clog);
            View { snapshot, mine, cid, clog }.sees(tuple)
        })
    }

    /// Whether a check is to wait for the end of the transaction.
    fn is_deferred(&self, state: &State, pending: &Pending) -> bool {
        let mut tables = state.catalog.tables.values();
        let xact = self.xact();
        let found = match pending.kind {
            PendingKind::Unique(_) => tables.find_map(|table| {
                let mut uniques = table.uniques.iter().filter(|_| table.id == pending.table);
                let found = uniques.find(|unique| unique.name == pending.constraint)?;
                Some((found.deferrable, found.deferred))
            }),
            PendingKind::Parent(_) | PendingKind::Children(_) => tables.find_map(|table| {
                let mut keys = table.foreign_keys.iter();
                let found = keys.find(|key| key.name == pending.constraint)?;
                Some((found.deferrable, found.deferred))
            }),
        };
        let (deferrable, initially) = found.unwrap_or_default();
        xact.defers(&pending.constraint, deferrable, initially)
    }
}

/// Whose foreign keys point to a table.
fn referrers(state: &State, target: u32) -> Vec<(&Table, &ForeignKey)> {
    let tables = state.catalog.tables.values();
    tables
        .flat_map(|table| table.foreign_keys.iter().map(move |key| (table, key)))
        .filter(|(_, key)| key.target == target)
        .collect()
}

impl Session {
    /// Checks what is not to be put off any longer: with `all`, everything.
    ///
    /// # Errors
    /// 23503, 23505: a constraint does not hold. Those of a wait.
    pub(super) async fn check_constraints(&mut self, all: bool) -> PgResult<()> {
        loop {
            let next = {
                let state = self.shared.interrupts()?;
                let due = |pending: &Pending| all || !self.data.is_deferred(&state, pending);
                let at = self.data.xact().pending.iter().position(due);
                drop(state);
                at.map(|at| self.data.xact_mut().pending.remove(at))
            };
            let Some(pending) = next else { return Ok(()) };
            match pending.kind {
                PendingKind::Unique(tid) => self.check_unique(&pending, tid).await?,
                PendingKind::Parent(tid) => self.check_parent(&pending, tid).await?,
                PendingKind::Children(tid) => self.check_children(&pending, tid).await?,
            }
        }
    }

    /// The row of a version that is still there.
    fn living(&self, state: &State, table: u32, tid: u64) -> Option<Row> {
        let tuple = state.heaps.get(&table)?.tuples.get(&tid)?;
        matches!(life(state, &self.data, tuple), Life::Alive).then(|| tuple.row.clone())
    }

    async fn check_unique(&mut self, pending: &Pending, tid: u64) -> PgResult<()> {
        loop {
            let open = {
                let state = self.shared.interrupts()?;
                let Some(row) = self.living(&state, pending.table, tid) else { return Ok(()) };
                let Some(table) = state.catalog.tables.get(&pending.table) else { return Ok(()) };
                let at = table.uniques.iter().position(|u| u.name == pending.constraint);
                let Some(index) = at else { return Ok(()) };
                let Some(key) = key(&row, &table.uniques[index].columns) else { return Ok(()) };
                let Some(heap) = state.heaps.get(&pending.table) else { return Ok(()) };
                let mut open = None;
                for other in heap.with_key(index, &key) {
                    let Some(tuple) = heap.tuples.get(&other).filter(|_| other != tid) else {
                        continue;
                    };
                    match life(&state, &self.data, tuple) {
                        Life::Dead => {}
                        Life::Open(xid) => open = Some(xid),
                        Life::Alive => {
                            drop(state);
                            return Err(self.duplicate(pending.table, index, &row));
                        }
                    }
                }
                open
            };
            match open {
                None => return Ok(()),
                Some(xid) => self.wait_for_xact(xid).await?,
            }
        }
    }

    async fn check_parent(&mut self, pending: &Pending, tid: u64) -> PgResult<()> {
        let Some(target) = self.parent_of(pending, tid)? else { return Ok(()) };
        self.lock_table(target, Mode::RowShare).await?;
        let (foreign, key, candidates) = {
            let state = self.shared.interrupts()?;
            let Some(row) = self.living(&state, pending.table, tid) else { return Ok(()) };
            let Some(table) = state.catalog.tables.get(&pending.table) else { return Ok(()) };
            let mut keys = table.foreign_keys.iter();
            let found = keys.find(|key| key.name == pending.constraint).cloned();
            let Some(foreign) = found else { return Ok(()) };
            let Some(key) = key(&row, &foreign.columns) else { return Ok(()) };
            let target = state.catalog.tables.get(&foreign.target);
            let columns = &foreign.target_columns;
            let index = target.and_then(|t| t.uniques.iter().position(|u| u.columns == *columns));
            let heap = state.heaps.get(&foreign.target);
            let candidates = heap.zip(index).map(|(heap, index)| {
                let tids = heap.with_key(index, &key).into_iter();
                tids.filter(|tid| {
                    let tuple = &heap.tuples[tid];
                    if !self.data.keeps_in_sight(&state, tuple) {
                        return false;
                    }
                    // Others' rows count once they are committed; whoever is about to end one
                    // that is, is waited for.
                    match life(&state, &self.data, tuple) {
                        Life::Alive => true,
                        Life::Open(xid) => xid != tuple.xmin,
                        Life::Dead => false,
                    }
                })
                .collect::<Vec<_>>()
            });
            (foreign, key, candidates.unwrap_or_default())
        };
        for candidate in candidates {
            let target = foreign.target;
            let lock = self.lock_row(target, candidate, RowLock::KeyShare, NoWait::Wait, true);
            if let Some(last) = lock.await?
                && let Some(row) = self.row(target, last)
                && self::key(&row, &foreign.target_columns).as_ref() == Some(&key)
            {
                return Ok(());
            }
        }
        let state = self.shared.lock();
        let table = &state.catalog.tables[&pending.table];
        let target = state.catalog.tables.get(&foreign.target);
        let target = target.map(|table| table.name.as_str()).unwrap_or_default();
        let (name, constraint) = (&table.name, &foreign.name);
        let text = format!(
            "insert or update on table \"{name}\" violates foreign key constraint \"{constraint}\""
        );
        let key = shown(table, &foreign.columns, &key);
        Err(PgError::new("23503", text)
            .detail(format!("Key {key} is not present in table \"{target}\"."))
            .on_table(name)
            .on_constraint(constraint))
    }

    /// The table that a row which is still there refers to.
    fn parent_of(&self, pending: &Pending, tid: u64) -> PgResult<Option<u32>> {
        let state = self.shared.interrupts()?;
        let Some(row) = self.living(&state, pending.table, tid) else { return Ok(None) };
        let Some(table) = state.catalog.tables.get(&pending.table) else { return Ok(None) };
        let foreign = table.foreign_keys.iter().find(|key| key.name == pending.constraint);
        let foreign = foreign.filter(|foreign| key(&row, &foreign.columns).is_some());
        Ok(foreign.map(|foreign| foreign.target))
    }

    async fn check_children(&mut self, pending: &Pending, tid: u64) -> PgResult<()> {
        let found = {
            let state = self.shared.interrupts()?;
            let mut referrers = referrers(&state, pending.table).into_iter();
            let found = referrers.find(|(_, foreign)| foreign.name == pending.constraint);
            found.map(|(table, foreign)| (table.id, foreign.clone()))
        };
        let Some((child, foreign)) = found else { return Ok(()) };
        let (key, candidates) = {
            let state = self.shared.interrupts()?;
            let parents = state.heaps.get(&pending.table);
            let Some(gone) = parents.and_then(|heap| heap.tuples.get(&tid)) else { return Ok(()) };
            let Some(key) = key(&gone.row, &foreign.target_columns) else { return Ok(()) };
            let has = |tuple: &Tuple, columns: &[usize]| {
                self::key(&tuple.row, columns).as_ref() == Some(&key)
            };
            let is_back = parents.is_some_and(|heap| {
                heap.tuples.values().any(|tuple| {
                    has(tuple, &foreign.target_columns)
                        && matches!(life(&state, &self.data, tuple), Life::Alive)
                })
            });
            if is_back {
                return Ok(());
            }
            // Whoever is about to end a row that refers is waited for.
            let refers = |tuple: &Tuple| match life(&state, &self.data, tuple) {
                Life::Alive => true,
                Life::Open(xid) => xid != tuple.xmin,
                Life::Dead => false,
            };
            let rows = state.heaps.get(&child).into_iter().flat_map(|heap| &heap.tuples);
            let rows = rows.filter(|(_, tuple)| has(tuple, &foreign.columns) && refers(tuple));
            let candidates: Vec<_> = rows.map(|(tid, _)| *tid).collect();
            (key, candidates)
        };
        self.lock_table(child, Mode::RowShare).await?;
        for candidate in candidates {
            let lock = self.lock_row(child, candidate, RowLock::KeyShare, NoWait::Wait, true);
            let Some(last) = lock.await? else { continue };
            let row = self.row(child, last);
            if row.is_some_and(|row| self::key(&row, &foreign.columns).as_ref() == Some(&key)) {
                return Err(self.still_referenced(pending.table, child, &foreign, &key));
            }
        }
        Ok(())
    }

    fn still_referenced(
        &self,
        parent: u32,
        child: u32,
        foreign: &ForeignKey,
        key: &[Value],
    ) -> PgError {
        let state = self.shared.lock();
        let parent = &state.catalog.tables[&parent];
        let child = &state.catalog.tables[&child].name;
        let (name, constraint) = (&parent.name, &foreign.name);
        let text = format!(
            "update or delete on table \"{name}\" violates foreign key constraint \
             \"{constraint}\" on table \"{child}\""
        );
        let key = shown(parent, &foreign.target_columns, key);
        PgError::new("23503", text)
            .detail(format!("Key {key} is still referenced from table \"{child}\"."))
            .on_table(child)
            .on_constraint(constraint)
    }

    /// 23505.
    pub(super) fn duplicate(&self, table: u32, index: usize, row: &Row) -> PgError {
        let state = self.shared.lock();
        let Some(table) = state.catalog.tables.get(&table) else {
            return PgError::new("23505", "duplicate key value violates unique constraint");
        };
        let unique = &table.uniques[index];
        let name = &unique.name;
        let text = format!("duplicate key value violates unique constraint \"{name}\"");
        let key: Vec<_> = unique.columns.iter().map(|at| row[*at].clone()).collect();
        let key = shown(table, &unique.columns, &key);
        PgError::new("23505", text)
            .detail(format!("Key {key} already exists."))
            .on_table(&table.name)
            .on_constraint(name)
    }
}

/// A key as messages show it: `(id)=(1)`.
fn shown(table: &Table, columns: &[usize], key: &[Value]) -> String {
    let names: Vec<_> = columns.iter().map(|at| table.columns[*at].name.as_str()).collect();
    let values: Vec<_> = columns
        .iter()
        .zip(key)
        .map(|(at, value)| text::write(value, table.columns[*at].ty))
        .collect();
    format!("({})=({})", names.join(", "), values.join(", "))
}
