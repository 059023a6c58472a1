//! A string of SQL as the statements in it.
//!
//! Queries and definitions of tables are parsed by `sqlparser`. The commands that control
//! transactions and sessions are read here by hand: it does not know half of them, and the
//! exact grammar of the other half matters here.

mod command;
mod cursor;
mod known;
mod split;

use std::sync::{Arc, OnceLock};

use sqlparser::ast;

use crate::error::{PgError, PgResult};
use crate::locks::Mode;
use crate::plan::Plan;
use crate::xact::Isolation;

pub(crate) use known::{Known, Statements};
pub(crate) use split::{parse, refuse_backslashes};

/// A statement that `sqlparser` reads.
#[derive(Clone, Debug)]
pub(crate) struct Sql {
    pub(crate) statement: ast::Statement,
    /// Whether its row locks are the weaker ones, which the parser does not know.
    pub(crate) weaker: bool,
    /// How it is executed, once that is known, if it is the same for everybody and at all times.
    pub(crate) plan: OnceLock<Arc<Plan>>,
}

/// One statement.
#[derive(Clone, Debug)]
pub(crate) enum Statement {
    Begin(Modes),
    Commit,
    Rollback,
    Prepare {
        gid: String,
    },
    CommitPrepared {
        gid: String,
    },
    RollbackPrepared {
        gid: String,
    },
    Savepoint(String),
    Release(String),
    RollbackTo(String),
    SetTransaction(Modes),
    SetCharacteristics(Modes),
    /// All constraints if none is named.
    SetConstraints {
        names: Vec<String>,
        deferred: bool,
    },
    Set {
        name: String,
        value: SetTo,
        local: bool,
    },
    Reset(String),
    ResetAll,
    Show(String),
    SetRole {
        role: Option<String>,
        local: bool,
    },
    ResetRole,
    SetSessionAuthorization(Option<String>),
    DiscardAll,
    Listen(String),
    Unlisten(Option<String>),
    Notify {
        channel: String,
        payload: String,
    },
    Lock {
        tables: Vec<String>,
        mode: Mode,
        nowait: bool,
    },
    CreateRole {
        name: String,
        options: RoleOptions,
    },
    AlterRole {
        name: String,
        options: RoleOptions,
    },
    AlterRoleSet {
        name: String,
        setting: String,
        value: Option<String>,
    },
    DropRole {
        name: String,
        if_exists: bool,
    },
    GrantRole {
        role: String,
        to: String,
        grant: bool,
    },
    Grant {
        tables: Vec<String>,
        privileges: Vec<String>,
        roles: Vec<String>,
        grant: bool,
    },
    CreateDatabase(String),
    DropDatabase {
        name: String,
        if_exists: bool,
    },
    Deallocate(Option<String>),
    Checkpoint,
    /// Of the other kind.
    Sql(Box<Sql>),
}

/// What a setting is set to.
#[derive(Clone, Debug)]
pub(crate) enum SetTo {
    Default,
    Value(String),
}

/// How a transaction is to be; what is not said stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Modes {
    pub(crate) isolation: Option<Isolation>,
    pub(crate) read_only: Option<bool>,
    pub(crate) deferrable: Option<bool>,
}

/// What a role is to be; what is not said stays as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoleOptions {
    pub(crate) login: Option<bool>,
    pub(crate) superuser: Option<bool>,
    pub(crate) password: Option<String>,
}

impl Statement {
    /// Whether a failed transaction admits it (`IsTransactionExitStmt`).
    pub(crate) fn ends_transaction(&self) -> bool {
        matches!(self, Self::Commit | Self::Rollback | Self::Prepare { .. } | Self::RollbackTo(_))
    }

    /// Whether the transaction is looked at right behind it even in the middle of a pipeline.
    pub(crate) fn controls_transaction(&self) -> bool {
        self.ends_transaction()
            || matches!(
                self,
                Self::Begin(_)
                    | Self::CommitPrepared { .. }
                    | Self::RollbackPrepared { .. }
                    | Self::Savepoint(_)
                    | Self::Release(_)
            )
    }

    /// Whether it runs outside of transaction blocks only.
    pub(crate) fn must_be_alone(&self) -> Option<&'static str> {
        Some(match self {
            Self::CommitPrepared { .. } => "COMMIT PREPARED",
            Self::RollbackPrepared { .. } => "ROLLBACK PREPARED",
            Self::CreateDatabase(_) => "CREATE DATABASE",
            Self::DropDatabase { .. } => "DROP DATABASE",
            Self::DiscardAll => "DISCARD ALL",
            _ => return None,
        })
    }
}

/// An identifier, folded to lower case unless it was quoted.
pub(crate) fn ident(ident: &ast::Ident) -> String {
    match ident.quote_style {
        None => ident.value.to_lowercase(),
        Some(_) => ident.value.clone(),
    }
}

/// A name with the schema that may stand before it.
pub(crate) fn name(path: &ast::ObjectName) -> PgResult<(Option<String>, String)> {
    let mut parts = Vec::new();
    for part in &path.0 {
        let ast::ObjectNamePart::Identifier(part) = part else {
            return Err(PgError::unsupported(format_args!("the name {path}")));
        };
        parts.push(ident(part));
    }
    match <[String; 2]>::try_from(parts) {
        Ok([schema, last]) => Ok((Some(schema), last)),
        Err(mut parts) if parts.len() == 1 => Ok((None, parts.remove(0))),
        Err(_) => Err(PgError::unsupported(format_args!("the name {path}"))),
    }
}

/// The name of a table, which is in the schema `public`.
pub(crate) fn table_name(path: &ast::ObjectName) -> PgResult<String> {
    match name(path)? {
        (None, last) => Ok(last),
        (Some(schema), last) if schema == "public" => Ok(last),
        (Some(schema), _) if schema.starts_with("pg_temp") => {
            Err(PgError::unsupported("temporary tables"))
        }
        (Some(schema), _) => {
            Err(PgError::new("3F000", format!("schema \"{schema}\" does not exist")))
        }
    }
}
