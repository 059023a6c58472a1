//! Definitions of tables, and `LOCK TABLE`.

use super::{Done, Session, SessionData};
use crate::error::{PgError, PgResult};
use crate::locks::{Mode, Owner, Span, Tag};
use crate::plan::Definition;
use crate::wal::Change;
use crate::xact::{Pending, PendingKind};

impl Session {
    /// Does what a definition says.
    pub(super) async fn define(&mut self, definition: Definition) -> PgResult<Done> {
        let tag = definition.tag();
        match definition {
            Definition::Exists(name) => {
                let text = format!("relation \"{name}\" already exists, skipping");
                self.data.notices.push(PgError::notice("42P07", text));
            }
            Definition::CreateTable(table) => self.create_table(table).await?,
            Definition::DropTable { ids, missing } => {
                for name in missing {
                    let text = format!("table \"{name}\" does not exist, skipping");
                    self.data.notices.push(PgError::notice("00000", text));
                }
                let mut state = self.shared.alive()?;
                for id in ids {
                    self.data.change(&mut state, Change::DropTable(id));
                }
            }
            Definition::AlterTable { before, after } => {
                {
                    let mut state = self.shared.alive()?;
                    self.data.change(
                        &mut state,
                        Change::AlterTable { before: before.clone(), after: after.clone() },
                    );
                    self.data.check_existing(&state, &before, &after);
                }
                // What is there already has to hold at once, deferrable or not.
                let all = std::mem::take(&mut self.data.xact_mut().pending);
                let (new, old): (Vec<_>, Vec<_>) =
                    all.into_iter().partition(|pending| pending.table == after.id);
                self.data.xact_mut().pending = new;
                let held = self.check_constraints(true).await;
                self.data.xact_mut().pending = old;
                held?;
            }
        }
        Ok(Done::tag(tag))
    }

    /// Another transaction may be creating one of the same name: that one is waited for.
    async fn create_table(&mut self, mut table: crate::catalog::Table) -> PgResult<()> {
        loop {
            let rival = {
                let mut state = self.shared.interrupts()?;
                let mine = &self.data.xact().mine;
                let same = state.catalog.tables.values().find(|other| {
                    other.database == table.database
                        && other.name == table.name
                        && !other.dropped_by.is_some_and(|xid| mine.contains(&xid))
                });
                let open = |xid: &u64| !mine.contains(xid) && state.running.contains(xid);
                match same {
                    Some(other) if open(&other.created_by) => other.created_by,
                    Some(other) if other.dropped_by.as_ref().is_some_and(open) => {
                        other.dropped_by.unwrap_or_default()
                    }
                    Some(other) => {
                        let text = format!("relation \"{}\" already exists", other.name);
                        return Err(PgError::new("42P07", text));
                    }
                    None => {
                        table.id = state.catalog.new_oid();
                        table.owner = self.data.current_user();
                        table.created_by = self.data.assign_current(&mut state);
                        let own = table.foreign_keys.iter_mut().filter(|key| key.target == 0);
                        own.for_each(|key| key.target = table.id);
                        let (owner, tag) = (Owner::Backend(self.data.pid), Tag::Relation(table.id));
                        let mode = Mode::AccessExclusive;
                        let _new = state.locks.take(owner, tag, mode, Span::Transaction);
                        self.data.xact_mut().locks.push((tag, mode));
                        self.data.change(&mut state, Change::CreateTable(table));
                        return Ok(());
                    }
                }
            };
            self.wait_for_xact(rival).await?;
        }
    }

    /// `LOCK TABLE`.
    pub(super) async fn lock_tables(
        &mut self,
        tables: &[String],
        mode: Mode,
        nowait: bool,
    ) -> PgResult<Done> {
        for name in tables {
            let last = name.rsplit('.').next().unwrap_or(name);
            let id = {
                let state = self.shared.alive()?;
                let xact = self.data.xact();
                let database = self.data.database;
                let table = state.catalog.table(database, last, &xact.mine, &state.running);
                let missing =
                    || PgError::new("42P01", format!("relation \"{name}\" does not exist"));
                let table = table.ok_or_else(missing)?;
                let role = self.data.current_user();
                let privileges = ["select", "insert", "update", "delete"];
                let needed = if mode == Mode::AccessShare { 0..1 } else { 2..4 };
                if !privileges[needed].iter().any(|p| state.catalog.may(&role, p, table)) {
                    let text = format!("permission denied for table {last}");
                    return Err(PgError::new("42501", text));
                }
                table.id
            };
            let tag = Tag::Relation(id);
            // It is logged for standbys, which takes an id (`LogAccessExclusiveLockPrepare`).
            if mode == Mode::AccessExclusive {
                let mut state = self.shared.alive()?;
                self.data.assign_top(&mut state);
            }
            if nowait {
                let mut state = self.shared.alive()?;
                let owner = Owner::Backend(self.data.pid);
                if !state.locks.take(owner, tag, mode, Span::Transaction) {
                    let text = format!("could not obtain lock on relation \"{last}\"");
                    return Err(PgError::new("55P03", text));
                }
                self.data.xact_mut().locks.push((tag, mode));
            } else {
                self.lock_object(tag, mode, Span::Transaction).await?;
            }
        }
        Ok(Done::tag("LOCK TABLE"))
    }
}

impl SessionData {
    /// Notes for every row the checks that were added.
    fn check_existing(
        &mut self,
        state: &crate::server::State,
        before: &crate::catalog::Table,
        after: &crate::catalog::Table,
    ) {
        let Some(heap) = state.heaps.get(&after.id) else { return };
        let mut pending = Vec::new();
        for tid in heap.tuples.keys() {
            let table = after.id;
            for unique in &after.uniques[before.uniques.len()..] {
                let constraint = unique.name.clone();
                pending.push(Pending { table, constraint, kind: PendingKind::Unique(*tid) });
            }
            for key in &after.foreign_keys[before.foreign_keys.len()..] {
                let constraint = key.name.clone();
                pending.push(Pending { table, constraint, kind: PendingKind::Parent(*tid) });
            }
        }
        self.xact_mut().pending.extend(pending);
    }
}
