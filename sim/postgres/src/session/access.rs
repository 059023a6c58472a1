//! What has to be so before a plan runs: privileges, and locks of the relations that it uses.

use sqlparser::ast;

use super::{Session, SessionData};
use crate::error::{PgError, PgResult};
use crate::locks::{Mode, Span, Tag};
use crate::plan::{Analyzer, Plan, plan};
use crate::server::State;
use crate::value::Type;

/// A plan, the types of its parameters, and what it uses.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) params: Vec<Type>,
    uses: Vec<(u32, &'static str, Mode)>,
}

impl SessionData {
    /// Plans a statement by what exists now.
    pub(super) fn plan(
        &self,
        state: &State,
        statement: &ast::Statement,
        weaker: bool,
        params: Vec<Type>,
    ) -> PgResult<Planned> {
        let mut analyzer = Analyzer::new(self.names(state), params);
        let plan = plan(&mut analyzer, statement, weaker)?;
        Ok(Planned { plan, params: analyzer.params, uses: analyzer.uses })
    }
}

impl Session {
    /// Plans a statement, with everything that it uses locked, so that it still exists.
    ///
    /// # Errors
    /// 42501: the role may not do it. Those of planning and waiting.
    pub(super) async fn prepare_plan(
        &mut self,
        statement: &ast::Statement,
        weaker: bool,
        params: &[Type],
    ) -> PgResult<Planned> {
        loop {
            let planned = {
                let state = self.shared.interrupts()?;
                let planned = self.data.plan(&state, statement, weaker, params.to_vec())?;
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
            let may = if *privilege == "owner" {
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
        let command = match &planned.plan {
            Plan::Select(_) => return Ok(()),
            Plan::Write(write) => match write.what {
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
