//! One statement, with what it means for the transaction around it.

use super::access::Planned;
use super::{Block, Done, Session};
use crate::error::{PgError, PgResult};
use crate::heap::Status;
use crate::plan::{Field, Plan};
use crate::sql::Statement;
use crate::value::{Type, Value};

/// Parameters of a statement and the columns that it returns, as a client is told.
pub(crate) type Description = (Vec<Type>, Option<Vec<Field>>);

/// What a client is told of a statement before it runs.
///
/// # Errors
/// It means nothing.
pub(crate) fn describe(
    session: &mut Session,
    statement: Option<&Statement>,
    params: Vec<Type>,
) -> PgResult<Description> {
    match statement {
        Some(Statement::Sql(sql)) => {
            let state = session.shared.alive()?;
            let Planned { plan, params, .. } = session.data.plan(&state, sql, params)?;
            let settled = |ty| if ty == Type::Unknown { Type::Text } else { ty };
            Ok((params.into_iter().map(settled).collect(), plan.fields()))
        }
        Some(Statement::Show(name)) => {
            let field = Field { name: name.clone(), ty: Type::Text, origin: (0, 0) };
            Ok((params, Some(vec![field])))
        }
        _ => Ok((params, None)),
    }
}

fn failed() -> PgError {
    PgError::new(
        "25P02",
        "current transaction is aborted, commands ignored until end of transaction block",
    )
}

fn no_block(what: &str) -> PgError {
    PgError::new("25P01", format!("{what} can only be used in transaction blocks"))
}

impl Session {
    /// Sees to it that there is a transaction. `several` if it is not over after one statement.
    ///
    /// # Errors
    /// 25P02: it has failed, and this statement does not end it.
    pub(crate) fn enter(&mut self, statement: Option<&Statement>, several: bool) -> PgResult<()> {
        if self.data.block == Block::Failed {
            return match statement {
                Some(statement) if !statement.ends_transaction() => Err(failed()),
                _ => Ok(()),
            };
        }
        let mut state = self.shared.interrupts()?;
        if self.data.xact.is_none() {
            self.data.statement_start = state.now();
            self.data.start(&mut state, Block::Single);
        }
        if several && self.data.block == Block::Single {
            self.data.block = Block::Implicit;
        }
        Ok(())
    }

    /// Runs a statement. Whatever comes of it, the transaction is in the state that follows.
    pub(crate) async fn execute(
        &mut self,
        statement: &Statement,
        several: bool,
        params: &[Value],
        types: &[Type],
    ) -> PgResult<Done> {
        let result = match self.enter(Some(statement), several) {
            Ok(()) => self.run(statement, params, types).await,
            Err(error) => Err(error),
        };
        let result = match result {
            Ok(done) if self.data.xact.is_some() && self.data.block != Block::Failed => {
                self.next_command().await.map(|()| done)
            }
            result => result,
        };
        if let Err(error) = &result
            && !error.is_fatal()
            && error.code != "25P02"
        {
            self.fail();
        }
        self.publish_name();
        result
    }

    /// Ends the transaction of a statement that is one by itself.
    ///
    /// # Errors
    /// It could not commit, and has rolled back.
    pub(crate) async fn settle(&mut self) -> PgResult<()> {
        match self.data.block {
            Block::Single | Block::Implicit => self.commit().await,
            _ => Ok(()),
        }
    }

    /// Something failed outside of any statement, such as the reading of one.
    pub(crate) fn fail_outside(&mut self, error: &PgError) {
        if !error.is_fatal() && self.data.block != Block::Idle {
            self.fail();
        }
    }

    /// Rolls back what is open, as the end of a session does.
    pub(crate) fn close(&mut self) {
        self.abort();
    }

    async fn run(
        &mut self,
        statement: &Statement,
        params: &[Value],
        types: &[Type],
    ) -> PgResult<Done> {
        if let Some(what) = statement.must_be_alone()
            && self.data.block != Block::Single
        {
            let text = format!("{what} cannot run inside a transaction block");
            return Err(PgError::new("25001", text));
        }
        if let (Some(what), true) = (statement.must_be_alone(), self.data.pipelining) {
            let text = format!("{what} cannot be executed within a pipeline");
            return Err(PgError::new("25001", text));
        }
        match statement {
            Statement::Begin(modes) => self.begin(*modes),
            Statement::Commit => self.end(None).await,
            Statement::Prepare { gid } => self.end(Some(gid)).await,
            Statement::Rollback => {
                self.warn_outside();
                self.abort();
                Ok(Done::tag("ROLLBACK"))
            }
            Statement::CommitPrepared { gid } => {
                self.finish_prepared(gid, Status::Committed).await?;
                Ok(Done::tag("COMMIT PREPARED"))
            }
            Statement::RollbackPrepared { gid } => {
                self.finish_prepared(gid, Status::Aborted).await?;
                Ok(Done::tag("ROLLBACK PREPARED"))
            }
            Statement::Savepoint(name) => {
                self.in_block("SAVEPOINT")?;
                self.data.set_savepoint(name.clone());
                Ok(Done::tag("SAVEPOINT"))
            }
            Statement::Release(name) => {
                self.in_block("RELEASE SAVEPOINT")?;
                let at = self.data.savepoint(name)?;
                self.data.xact_mut().subs.truncate(at);
                Ok(Done::tag("RELEASE"))
            }
            Statement::RollbackTo(name) => self.roll_back_to(name),
            Statement::SetTransaction(modes) => {
                self.warn_alone("SET TRANSACTION");
                self.data.set_modes(*modes)?;
                Ok(Done::tag("SET"))
            }
            Statement::Sql(sql) => {
                let planned = self.prepare_plan(sql, types).await?;
                match &*planned.plan {
                    Plan::Select(query) => self.select(query, params).await,
                    Plan::Write(write) => self.write(write, params).await,
                    Plan::Define(definition) => self.define(definition.clone()).await,
                }
            }
            other => self.command(other).await,
        }
    }

    async fn command(&mut self, statement: &Statement) -> PgResult<Done> {
        match statement {
            Statement::SetCharacteristics(modes) => self.set_characteristics(*modes),
            Statement::SetConstraints { names, deferred } => {
                self.warn_alone("SET CONSTRAINTS");
                self.set_constraints(names, *deferred).await
            }
            Statement::Set { name, value, local } => {
                if *local {
                    self.warn_alone("SET LOCAL");
                }
                self.set(name, value, *local)
            }
            Statement::Reset(name) => self.reset(name),
            Statement::ResetAll => {
                self.data.settings.reset_all();
                Ok(Done::tag("RESET"))
            }
            Statement::Show(name) => self.show(name),
            Statement::ResetRole => self.reset("role"),
            Statement::SetRole { role, local } => self.set_role(role.as_deref(), *local),
            Statement::SetSessionAuthorization(role) => {
                self.set_session_authorization(role.as_deref())
            }
            Statement::DiscardAll => self.discard_all(),
            Statement::Listen(channel) => Ok(self.listen(Some(channel), true)),
            Statement::Unlisten(channel) => Ok(self.listen(channel.as_deref(), false)),
            Statement::Notify { channel, payload } => Ok(self.notify(channel, payload)),
            Statement::Lock { tables, mode, nowait } => {
                if self.data.block == Block::Single {
                    return Err(no_block("LOCK TABLE"));
                }
                self.lock_tables(tables, *mode, *nowait).await
            }
            Statement::CreateRole { name, options } => self.create_role(name, options),
            Statement::AlterRole { name, options } => self.alter_role(name, options),
            Statement::AlterRoleSet { name, setting, value } => {
                self.alter_role_set(name, setting, value.as_deref())
            }
            Statement::DropRole { name, if_exists } => self.drop_role(name, *if_exists),
            Statement::GrantRole { role, to, grant } => self.grant_role(role, to, *grant),
            Statement::Grant { tables, privileges, roles, grant } => {
                self.grant(tables, privileges, roles, *grant)
            }
            Statement::CreateDatabase(name) => self.create_database(name),
            Statement::DropDatabase { name, if_exists } => self.drop_database(name, *if_exists),
            // There is nothing to write back: the log is all there is.
            Statement::Checkpoint => Ok(Done::tag("CHECKPOINT")),
            other => Err(PgError::unsupported(format_args!("{other:?}"))),
        }
    }

    fn begin(&mut self, modes: crate::sql::Modes) -> PgResult<Done> {
        if self.data.block == Block::Open {
            let text = "there is already a transaction in progress";
            self.data.notices.push(PgError::warning("25001", text));
        }
        // Where the modes cannot be had there is no block, unless there was one already.
        self.data.set_modes(modes)?;
        self.data.block = Block::Open;
        Ok(Done::tag("BEGIN"))
    }

    /// `COMMIT`, or `PREPARE TRANSACTION` with a gid.
    ///
    /// A transaction that has failed rolls back instead, and that is no error: only the tag tells
    /// (PostgreSQL manual, `PREPARE TRANSACTION`).
    async fn end(&mut self, gid: Option<&String>) -> PgResult<Done> {
        if self.data.block == Block::Failed {
            self.abort();
            return Ok(Done::tag("ROLLBACK"));
        }
        // A string of several statements is a transaction that can be prepared, with the same
        // warning.
        let alone = self.data.block == Block::Single;
        self.warn_outside();
        match gid {
            Some(_) if alone => {
                // Of a single statement there is nothing to prepare.
                self.commit().await?;
                Ok(Done::tag("ROLLBACK"))
            }
            Some(gid) => {
                self.prepare(gid).await?;
                Ok(Done::tag("PREPARE TRANSACTION"))
            }
            None => {
                self.commit().await?;
                Ok(Done::tag("COMMIT"))
            }
        }
    }

    fn warn_outside(&mut self) {
        if matches!(self.data.block, Block::Single | Block::Implicit) {
            let text = "there is no transaction in progress";
            self.data.notices.push(PgError::warning("25P01", text));
        }
    }

    /// What a statement that is a transaction by itself has no effect in (`WarnNoTransactionBlock`).
    fn warn_alone(&mut self, what: &str) {
        if self.data.block == Block::Single {
            let text = format!("{what} can only be used in transaction blocks");
            self.data.notices.push(PgError::warning("25P01", text));
        }
    }

    fn in_block(&self, what: &str) -> PgResult<()> {
        if matches!(self.data.block, Block::Single | Block::Implicit) {
            return Err(no_block(what));
        }
        Ok(())
    }

    fn roll_back_to(&mut self, name: &str) -> PgResult<Done> {
        self.in_block("ROLLBACK TO SAVEPOINT")?;
        let at = self.data.savepoint(name)?;
        let mut state = self.shared.alive()?;
        self.data.roll_back_to(&mut state, at);
        drop(state);
        self.data.block = Block::Open;
        Ok(Done::tag("ROLLBACK"))
    }
}
