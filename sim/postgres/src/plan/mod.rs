//! Statements as they are executed: names resolved, types settled.
//!
//! There is no optimiser. A plan follows the text; the one thing that is looked for is a key
//! that the condition fixes, so that a row is found by its index.

mod analyze;
mod call;
mod constraint;
mod ddl;
mod dml;
mod expr;
mod from;
pub(crate) mod functions;
mod literal;
mod operator;
mod order;
mod predicate;
mod projection;
mod query;
mod row_lock;
mod scope;

pub(crate) use analyze::{Analyzer, Names};
pub(crate) use constraint::checks;
pub(crate) use ddl::{Definition, define};
pub(crate) use dml::{Conflict, Dml, Source as InsertSource, Write};
pub(crate) use expr::{Agg, AggKind, Arith, Compare, Expr, Typed};
pub(crate) use from::{JoinKind, Source};
pub(crate) use query::{Field, Query};
pub(crate) use row_lock::{Locking, NoWait};

use sqlparser::ast;

use crate::error::{PgError, PgResult};

/// What is executed of the statements that `sqlparser` reads.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    Select(Query),
    Write(Box<Write>),
    Define(Definition),
}

impl Plan {
    /// The columns that it returns; none if it returns no rows.
    pub(crate) fn fields(&self) -> Option<Vec<Field>> {
        match self {
            Self::Select(query) => Some(query.fields()),
            Self::Write(write) => write.returning.as_ref().map(|(fields, _)| fields.clone()),
            Self::Define(_) => None,
        }
    }
}

/// Plans a statement.
///
/// # Errors
/// It means nothing here, or something that this server does not support.
pub(crate) fn plan(
    analyzer: &mut Analyzer<'_>,
    statement: &ast::Statement,
    weaker: bool,
) -> PgResult<Plan> {
    match statement {
        ast::Statement::Query(query) => {
            let mut plan = query::analyze(analyzer, query, None)?;
            if let (true, Some(locking)) = (weaker, plan.locking.as_mut()) {
                locking.weaken();
            }
            Ok(Plan::Select(plan))
        }
        ast::Statement::Insert(insert) => {
            dml::insert(analyzer, insert).map(|write| Plan::Write(Box::new(write)))
        }
        ast::Statement::Update(update) => {
            dml::update(analyzer, update).map(|write| Plan::Write(Box::new(write)))
        }
        ast::Statement::Delete(delete) => {
            dml::delete(analyzer, delete).map(|write| Plan::Write(Box::new(write)))
        }
        other => define(analyzer, other).map(Plan::Define),
    }
}

/// What a statement that is not known is called.
pub(crate) fn unsupported_statement(statement: &ast::Statement) -> PgError {
    let text = statement.to_string();
    let words: Vec<_> = text.split_whitespace().take(3).collect();
    PgError::unsupported(format_args!("the statement {}", words.join(" ")))
}
