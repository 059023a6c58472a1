//! What a transaction can change, as something that can be done, done again, and taken back.

use serde::{Deserialize, Serialize};

use crate::catalog::{Database, RoleDef, Table};
use crate::heap::{Holder, RowLock, Status, Tuple};
use crate::server::State;
use crate::value::Row;

/// A change by one transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Change {
    Insert { table: u32, tid: u64, row: Row },
    Update { table: u32, old: u64, new: u64, row: Row, key: bool },
    Delete { table: u32, tid: u64 },
    Lock { table: u32, tid: u64, strength: RowLock },
    CreateTable(Table),
    DropTable(u32),
    AlterTable { before: Table, after: Table },
    CreateRole(RoleDef),
    AlterRole { before: RoleDef, after: RoleDef },
    DropRole(RoleDef),
    CreateDatabase(Database),
    DropDatabase(Database),
}

impl State {
    /// Does a change, in the name of a transaction at one of its commands.
    pub(crate) fn apply(&mut self, xid: u64, cid: u32, change: &Change) {
        match change {
            Change::Insert { table, tid, row } => {
                self.heap(*table).insert(*tid, Tuple::new(xid, cid, row.clone()));
            }
            Change::Update { table, old, new, row, key } => {
                let strength = if *key { RowLock::Update } else { RowLock::NoKeyUpdate };
                let heap = self.heaps.entry(*table).or_default();
                let mut fresh = Tuple::new(xid, cid, row.clone());
                if let Some(tuple) = heap.tuples.get_mut(old) {
                    // Who has locked the row has locked its next version, too.
                    let running = &self.running;
                    let locks = tuple
                        .holders
                        .iter()
                        .filter(|h| h.ended.is_none() && h.xid != xid && running.contains(&h.xid));
                    fresh.holders = locks.cloned().collect();
                    tuple.hold(Holder { xid, strength, ended: Some(cid) });
                    tuple.next = Some(*new);
                }
                heap.insert(*new, fresh);
            }
            Change::Delete { table, tid } => {
                if let Some(tuple) = self.heap(*table).tuples.get_mut(tid) {
                    tuple.hold(Holder { xid, strength: RowLock::Update, ended: Some(cid) });
                }
            }
            Change::Lock { table, tid, strength } => {
                let (heap, mut next) = (self.heap(*table), Some(*tid));
                while let Some(tuple) = next.and_then(|tid| heap.tuples.get_mut(&tid)) {
                    tuple.hold(Holder { xid, strength: *strength, ended: None });
                    next = tuple.next;
                }
            }
            Change::CreateTable(table) | Change::AlterTable { after: table, .. } => {
                self.put_table(table.clone());
            }
            Change::DropTable(id) => {
                if let Some(table) = self.catalog.tables.get_mut(id) {
                    table.dropped_by = Some(xid);
                }
            }
            Change::CreateRole(role) | Change::AlterRole { after: role, .. } => {
                self.catalog.roles.insert(role.name.clone(), role.clone());
            }
            Change::DropRole(role) => {
                self.catalog.roles.remove(&role.name);
            }
            Change::CreateDatabase(database) => {
                self.catalog.next_oid = self.catalog.next_oid.max(database.id + 1);
                self.catalog.databases.insert(database.id, database.clone());
            }
            Change::DropDatabase(database) => {
                self.catalog.databases.remove(&database.id);
            }
        }
    }

    /// Takes a change back.
    pub(crate) fn undo(&mut self, xid: u64, change: &Change) {
        match change {
            Change::Insert { table, tid, .. } => self.heap(*table).remove(*tid),
            Change::Update { table, old, new, .. } => {
                let heap = self.heap(*table);
                heap.remove(*new);
                if let Some(tuple) = heap.tuples.get_mut(old) {
                    tuple.holders.retain(|holder| holder.xid != xid || holder.ended.is_none());
                    tuple.next = None;
                }
            }
            Change::Delete { table, tid } => {
                if let Some(tuple) = self.heap(*table).tuples.get_mut(tid) {
                    tuple.holders.retain(|holder| holder.xid != xid || holder.ended.is_none());
                }
            }
            Change::Lock { table, tid, .. } => {
                if let Some(tuple) = self.heap(*table).tuples.get_mut(tid) {
                    tuple.holders.retain(|holder| holder.xid != xid || holder.ended.is_some());
                }
            }
            Change::CreateTable(table) => {
                self.catalog.tables.remove(&table.id);
                self.heaps.remove(&table.id);
            }
            Change::DropTable(id) => {
                if let Some(table) = self.catalog.tables.get_mut(id) {
                    table.dropped_by = None;
                }
            }
            Change::AlterTable { before, .. } => self.put_table(before.clone()),
            Change::CreateRole(role) => {
                self.catalog.roles.remove(&role.name);
            }
            Change::AlterRole { before: role, .. } | Change::DropRole(role) => {
                self.catalog.roles.insert(role.name.clone(), role.clone());
            }
            Change::CreateDatabase(database) => {
                self.catalog.databases.remove(&database.id);
            }
            Change::DropDatabase(database) => {
                self.catalog.databases.insert(database.id, database.clone());
            }
        }
    }

    /// Lets a transaction's changes be seen, or takes them back: all at once.
    pub(crate) fn end(&mut self, xids: &[u64], changes: &[(u64, Change)], status: Status) {
        if status == Status::Aborted {
            for (xid, change) in changes.iter().rev() {
                self.undo(*xid, change);
            }
        }
        for xid in xids {
            self.clog.set(*xid, status);
            self.running.remove(xid);
        }
        if status == Status::Committed {
            for (xid, change) in changes {
                self.settle(*xid, change);
            }
        }
    }

    /// What a committed change leaves to be tidied.
    fn settle(&mut self, xid: u64, change: &Change) {
        let horizon = self.horizon();
        match change {
            Change::Update { table, old: tid, .. } | Change::Delete { table, tid } => {
                let heap = self.heap(*table);
                heap.died(*tid, xid);
                heap.prune(horizon);
            }
            Change::DropTable(id) => {
                self.catalog.tables.remove(id);
                self.heaps.remove(id);
            }
            _ => {}
        }
    }

    fn put_table(&mut self, table: Table) {
        self.catalog.next_oid = self.catalog.next_oid.max(table.id + 1);
        let uniques: Vec<_> = table.uniques.iter().map(|unique| unique.columns.clone()).collect();
        self.heap(table.id).index(&uniques);
        self.catalog.tables.insert(table.id, table);
    }
}
