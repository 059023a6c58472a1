//! `INSERT`, `UPDATE` and `DELETE`.

use std::collections::BTreeSet;

use sqlparser::ast;

use super::expr::NULL;
use super::from::{aliased, fields};
use super::operator::coerce;
use super::projection::projection;
use super::query::{self, Field, Query};
use super::scope::{Scope, ScopeColumn};
use super::{Analyzer, Expr, Typed};
use crate::catalog::Table;
use crate::error::{PgError, PgResult};
use crate::locks::Mode;
use crate::sql::{ident, table_name};
use crate::value::Type;

/// A statement that writes to one table.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) table: u32,
    pub(crate) what: Dml,
    pub(crate) returning: Option<(Vec<Field>, Vec<Expr>)>,
}

/// What is written.
#[derive(Clone, Debug)]
pub(crate) enum Dml {
    /// Rows of all columns of the table.
    Insert {
        source: Source,
        conflict: Option<Conflict>,
    },
    Update {
        set: Vec<(usize, Expr)>,
        filter: Option<Expr>,
    },
    Delete {
        filter: Option<Expr>,
    },
}

/// Where the rows of an `INSERT` come from, and how each becomes a row of the table.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Rows(Vec<Vec<Expr>>),
    /// The row of the query is at hand where the columns are evaluated.
    Query(Box<Query>, Vec<Expr>),
}

/// What is done where a row is in the way.
#[derive(Clone, Debug)]
pub(crate) struct Conflict {
    /// Which of the unique constraints is meant; any if none.
    pub(crate) arbiter: Option<usize>,
    /// Nothing, or an update: in it, the row that is there comes first and then the one that
    /// was to be inserted.
    pub(crate) update: Option<(Set, Option<Expr>)>,
}

/// The columns that an update sets, and what to.
pub(crate) type Set = Vec<(usize, Expr)>;

/// Analyses an `INSERT`.
///
/// # Errors
/// It means nothing, or something that this server does not support.
pub(super) fn insert(analyzer: &mut Analyzer<'_>, insert: &ast::Insert) -> PgResult<Write> {
    let ast::TableObject::TableName(path) = &insert.table else {
        return Err(PgError::unsupported("INSERT into a function"));
    };
    if insert.overriding.is_some() || insert.overwrite || !insert.assignments.is_empty() {
        return Err(PgError::unsupported("this form of INSERT"));
    }
    let table = analyzer.table(path)?;
    analyzer.uses.push((table.id, "insert", Mode::RowExclusive));
    let columns = targets(table, &insert.columns)?;
    let source = match &insert.source {
        None => Source::Rows(vec![complete(analyzer, table, &[], &[])?]),
        Some(query) => match &*query.body {
            ast::SetExpr::Values(values) => rows(analyzer, table, &columns, values)?,
            _ => from_query(analyzer, table, &columns, query)?,
        },
    };
    let mut alias = table.name.clone();
    if let Some(given) = &insert.table_alias {
        alias = ident(&given.alias);
    }
    let conflict = match &insert.on {
        None => None,
        Some(ast::OnInsert::OnConflict(on)) => Some(self::conflict(analyzer, table, &alias, on)?),
        Some(_) => return Err(PgError::unsupported("ON DUPLICATE KEY UPDATE")),
    };
    let returning = returning(analyzer, table, &alias, insert.returning.as_deref())?;
    Ok(Write { table: table.id, what: Dml::Insert { source, conflict }, returning })
}

/// The places of the columns that are given.
fn targets(table: &Table, columns: &[ast::ObjectName]) -> PgResult<Vec<usize>> {
    if columns.is_empty() {
        return Ok((0..table.columns.len()).collect());
    }
    let mut places = Vec::new();
    for column in columns {
        let place = place(table, &table_name(column)?)?;
        if places.contains(&place) {
            let text = format!("column \"{column}\" specified more than once");
            return Err(PgError::new("42701", text));
        }
        places.push(place);
    }
    Ok(places)
}

fn place(table: &Table, column: &str) -> PgResult<usize> {
    table.column(column).ok_or_else(|| {
        let relation = &table.name;
        let text = format!("column \"{column}\" of relation \"{relation}\" does not exist");
        PgError::new("42703", text)
    })
}

fn rows(
    analyzer: &mut Analyzer<'_>,
    table: &Table,
    columns: &[usize],
    values: &ast::Values,
) -> PgResult<Source> {
    let mut rows = Vec::new();
    for row in &values.rows {
        check_width(row.content.len(), columns.len())?;
        let mut given = Vec::new();
        for (written, at) in row.content.iter().zip(columns) {
            given.push(assigned(analyzer, table, *at, written, &Scope::default())?);
        }
        rows.push(complete(analyzer, table, &columns[..given.len()], &given)?);
    }
    Ok(Source::Rows(rows))
}

fn from_query(
    analyzer: &mut Analyzer<'_>,
    table: &Table,
    columns: &[usize],
    query: &ast::Query,
) -> PgResult<Source> {
    let query = query::analyze(analyzer, query, None)?;
    check_width(query.output.len(), columns.len())?;
    let mut given = Vec::new();
    for (at, (field, column)) in query.fields().into_iter().zip(columns).enumerate() {
        let typed = Typed::new(Expr::Column { up: 0, at }, field.ty);
        given.push(assign(analyzer, table, *column, typed)?);
    }
    let row = complete(analyzer, table, &columns[..given.len()], &given)?;
    Ok(Source::Query(Box::new(query), row))
}

fn check_width(given: usize, columns: usize) -> PgResult<()> {
    if given > columns {
        return Err(PgError::syntax("INSERT has more expressions than target columns"));
    }
    Ok(())
}

/// A row of all columns: what is not given is the default.
fn complete(
    analyzer: &mut Analyzer<'_>,
    table: &Table,
    columns: &[usize],
    given: &[Expr],
) -> PgResult<Vec<Expr>> {
    let mut row = Vec::new();
    for at in 0..table.columns.len() {
        row.push(match columns.iter().position(|column| *column == at) {
            Some(position) => given[position].clone(),
            None => default(analyzer, table, at)?,
        });
    }
    Ok(row)
}

fn default(analyzer: &mut Analyzer<'_>, table: &Table, at: usize) -> PgResult<Expr> {
    let Some(sql) = &table.columns[at].default else { return Ok(NULL) };
    let written = super::constraint::parse_expr(sql)?;
    let typed = analyzer.expr(&written, &Scope::default())?;
    assign(analyzer, table, at, typed)
}

/// What a column is set to: an expression, or `DEFAULT`.
fn assigned(
    analyzer: &mut Analyzer<'_>,
    table: &Table,
    at: usize,
    written: &ast::Expr,
    scope: &Scope<'_>,
) -> PgResult<Expr> {
    if let ast::Expr::Identifier(word) = written
        && word.quote_style.is_none()
        && word.value.eq_ignore_ascii_case("default")
    {
        return default(analyzer, table, at);
    }
    let typed = analyzer.expr(written, scope)?;
    assign(analyzer, table, at, typed)
}

fn assign(analyzer: &mut Analyzer<'_>, table: &Table, at: usize, typed: Typed) -> PgResult<Expr> {
    let column = &table.columns[at];
    if !typed.ty.assigns_to(column.ty) {
        let (name, to, from) = (&column.name, column.ty.shown(), typed.ty.shown());
        let text = format!("column \"{name}\" is of type {to} but expression is of type {from}");
        return Err(
            PgError::new("42804", text).hint("You will need to rewrite or cast the expression.")
        );
    }
    // A literal is a literal of the column's type.
    if typed.ty == Type::Unknown {
        return coerce(typed, column.ty, &mut analyzer.params);
    }
    Ok(super::operator::cast(typed.expr, typed.ty, column.ty))
}

fn conflict(
    analyzer: &mut Analyzer<'_>,
    table: &Table,
    alias: &str,
    on: &ast::OnConflict,
) -> PgResult<Conflict> {
    let arbiter = match &on.conflict_target {
        None => None,
        Some(ast::ConflictTarget::Columns { columns, predicate: None }) => {
            let wanted: PgResult<BTreeSet<_>> =
                columns.iter().map(|column| place(table, &ident(column))).collect();
            let wanted = wanted?;
            let found = table.uniques.iter().position(|unique| {
                unique.columns.iter().copied().collect::<BTreeSet<_>>() == wanted
            });
            Some(found.ok_or_else(|| {
                PgError::new(
                    "42P10",
                    "there is no unique or exclusion constraint matching the ON CONFLICT \
                     specification",
                )
            })?)
        }
        Some(ast::ConflictTarget::Columns { .. }) => {
            return Err(PgError::unsupported("ON CONFLICT (…) WHERE"));
        }
        Some(ast::ConflictTarget::OnConstraint(path)) => {
            let name = table_name(path)?;
            let found = table.uniques.iter().position(|unique| unique.name == name);
            Some(found.ok_or_else(|| {
                let relation = &table.name;
                let text = format!("constraint \"{name}\" for table \"{relation}\" does not exist");
                PgError::new("42704", text)
            })?)
        }
    };
    let update = match &on.action {
        ast::OnConflictAction::DoNothing => None,
        ast::OnConflictAction::DoUpdate(update) => {
            if arbiter.is_none() {
                return Err(PgError::syntax(
                    "ON CONFLICT DO UPDATE requires inference specification or constraint name",
                ));
            }
            analyzer.uses.push((table.id, "update", Mode::RowExclusive));
            // A name alone is ambiguous, as in Postgres: both rows have all columns.
            let mut columns = aliased(fields(table), alias, None)?;
            columns.extend(aliased(fields(table), "excluded", None)?);
            let scope = Scope { columns, parent: None };
            let set = set(analyzer, table, &update.assignments, &scope)?;
            let filter = update.selection.as_ref();
            let filter =
                filter.map(|expr| analyzer.condition(expr, &scope, "WHERE")).transpose()?;
            Some((set, filter))
        }
    };
    Ok(Conflict { arbiter, update })
}

fn set(
    analyzer: &mut Analyzer<'_>,
    table: &Table,
    assignments: &[ast::Assignment],
    scope: &Scope<'_>,
) -> PgResult<Vec<(usize, Expr)>> {
    let mut set = Vec::<(usize, Expr)>::new();
    for assignment in assignments {
        let ast::AssignmentTarget::ColumnName(path) = &assignment.target else {
            return Err(PgError::unsupported("SET of several columns at once"));
        };
        let at = place(table, &table_name(path)?)?;
        if set.iter().any(|(other, _)| *other == at) {
            let text = format!("multiple assignments to same column \"{path}\"");
            return Err(PgError::syntax(text));
        }
        set.push((at, assigned(analyzer, table, at, &assignment.value, scope)?));
    }
    Ok(set)
}

/// Analyses an `UPDATE`.
///
/// # Errors
/// It means nothing, or something that this server does not support.
pub(super) fn update(analyzer: &mut Analyzer<'_>, update: &ast::Update) -> PgResult<Write> {
    if update.from.is_some() || !update.order_by.is_empty() || update.limit.is_some() {
        return Err(PgError::unsupported("UPDATE … FROM"));
    }
    let (table, alias, columns) = target(analyzer, &update.table, "update")?;
    let scope = Scope { columns, parent: None };
    let set = set(analyzer, table, &update.assignments, &scope)?;
    let filter = update.selection.as_ref();
    let filter = filter.map(|expr| analyzer.condition(expr, &scope, "WHERE")).transpose()?;
    let returning = returning(analyzer, table, &alias, update.returning.as_deref())?;
    Ok(Write { table: table.id, what: Dml::Update { set, filter }, returning })
}

/// Analyses a `DELETE`.
///
/// # Errors
/// It means nothing, or something that this server does not support.
pub(super) fn delete(analyzer: &mut Analyzer<'_>, delete: &ast::Delete) -> PgResult<Write> {
    let (ast::FromTable::WithFromKeyword(from) | ast::FromTable::WithoutKeyword(from)) =
        &delete.from;
    let ([from], None) = (&from[..], &delete.using) else {
        return Err(PgError::unsupported("DELETE … USING"));
    };
    let (table, alias, columns) = target(analyzer, from, "delete")?;
    let scope = Scope { columns, parent: None };
    let filter = delete.selection.as_ref();
    let filter = filter.map(|expr| analyzer.condition(expr, &scope, "WHERE")).transpose()?;
    let returning = returning(analyzer, table, &alias, delete.returning.as_deref())?;
    Ok(Write { table: table.id, what: Dml::Delete { filter }, returning })
}

fn target<'a>(
    analyzer: &mut Analyzer<'a>,
    from: &ast::TableWithJoins,
    privilege: &'static str,
) -> PgResult<(&'a Table, String, Vec<ScopeColumn>)> {
    let ast::TableFactor::Table { name, alias, args: None, .. } = &from.relation else {
        return Err(PgError::unsupported("changing anything but a table"));
    };
    if !from.joins.is_empty() {
        return Err(PgError::unsupported("changing a join"));
    }
    let table = analyzer.table(name)?;
    analyzer.uses.push((table.id, privilege, Mode::RowExclusive));
    let columns = aliased(fields(table), &table.name, alias.as_ref())?;
    let called = alias.as_ref().map_or_else(|| table.name.clone(), |alias| ident(&alias.name));
    Ok((table, called, columns))
}

fn returning(
    analyzer: &mut Analyzer<'_>,
    table: &Table,
    alias: &str,
    items: Option<&[ast::SelectItem]>,
) -> PgResult<Option<(Vec<Field>, Vec<Expr>)>> {
    let Some(items) = items else { return Ok(None) };
    let scope = Scope { columns: aliased(fields(table), alias, None)?, parent: None };
    Ok(Some(projection(analyzer, items, &scope)?.into_iter().unzip()))
}
