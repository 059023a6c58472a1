//! What has to be so before a plan runs: privileges, and locks of the relations that it uses.

use std::sync::Arc;

use super::{Session, SessionData};
use crate::error::{PgError, PgResult};
use crate::locks::{Mode, Span, Tag};
use crate::plan::{Analyzer, Plan, plan};
use crate::server::State;
use crate::sql::Sql;
use crate::value::Type;

/// A plan, the types of its parameters, and what it uses.
pub(super) struct Planned {
    pub(super) plan: Arc<Plan>,
    pub(super) params: Vec<Type>,
    uses: Vec<(u32, &'static str, Mode)>,
}

impl SessionData {
    /// Plans a statement by what exists now.
    pub(super) fn plan(&self, state: &State, sql: &Sql, params: Vec<Type>) -> PgResult<Planned> {
        if let (Some(plan), true) = (sql.plan.get(), params.is_empty()) {
            return Ok(Planned { plan: Arc::clone(plan), params, uses: Vec::new() });
        }
        let is_plain = params.is_empty();
        let mut analyzer = Analyzer::new(self.names(state), params);
        let plan = Arc::new(plan(&mut analyzer, &sql.statement, sql.weaker)?);
        let Analyzer { params, uses, .. } = analyzer;
        // A query of no table and without parameters means the same whatever exists.
        if is_plain && params.is_empty() && uses.is_empty() && matches!(*plan, Plan::Select(_)) {
            sql.plan.get_or_init(|| Arc::clone(&plan));
        }
        Ok(Planned { plan, params, uses })
    }
}

impl Session {
    /// Plans a statement, with everything that it uses locked, so that it still exists.
    ///
    /// # Errors
    /// 42501: the role may not do it. Those of planning and waiting.
    pub(super) async fn prepare_plan(&mut self, sql: &Sql, params: &[Type]) -> PgResult<Planned> {
        loop {
            let planned = {
                let state = self.shared.interrupts()?;
                let planned = self.data.plan(&state, sql, params.to_vec())?;
                self.check(&state, &planned)?;
                planned
            };
            let mut waited = false;
            for (table, _, mode) in &planned.uses {
                let lock = (Tag::Relation(*table), *mode);
                if !self.data.xact().locks.contains(&lock) {
                    self.lock_object(lock.0, lock.1, Span::Transaction).await?;
                    waited = true;
                }
            }
            // What was planned before a wait may be gone by now.
            if !waited {
                return Ok(planned);
            }
        }
    }

    fn check(&self, state: &State, planned: &Planned) -> PgResult<()> {
        let role = self.data.current_user();
        for (table, privilege, _) in &planned.uses {
            let Some(table) = state.catalog.tables.get(table) else { continue };
            // What is only locked needs no privilege.
            let may = if privilege.is_empty() {
                true
            } else if *privilege == "owner" {
                state.catalog.is_member(&role, &table.owner)
            } else {
                state.catalog.may(&role, privilege, table)
            };
            if !may {
                let name = &table.name;
                let text = if *privilege == "owner" {
                    format!("must be owner of table {name}")
                } else {
                    format!("permission denied for table {name}")
                };
                return Err(PgError::new("42501", text));
            }
        }
        let command = match &*planned.plan {
            Plan::Select(_) => return Ok(()),
            Plan::Write(write) => match &write.what {
                crate::plan::Dml::Insert { .. } => "INSERT",
                crate::plan::Dml::Update { .. } => "UPDATE",
                crate::plan::Dml::Delete { .. } => "DELETE",
            },
            Plan::Define(definition) => definition.tag(),
        };
        if self.data.xact().read_only {
            let text = format!("cannot execute {command} in a read-only transaction");
            return Err(PgError::new("25006", text));
        }
        Ok(())
    }
}
