//! `FROM`: tables, views, functions and queries, and how they are joined.
//!
//! Absent: `LATERAL`, `USING` and `NATURAL`, and joins that keep the rows of the right side.

use sqlparser::ast;

use super::functions::{self, Func, SetFunc};
use super::operator::{coerce, condition};
use super::query::{Field, Query, analyze};
use super::scope::{Scope, ScopeColumn};
use super::{Analyzer, Expr};
use crate::catalog::views::View;
use crate::error::{PgError, PgResult};
use crate::locks::Mode;
use crate::sql::{ident, name};
use crate::value::Type;

/// Where rows come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// One row without columns.
    Unit,
    Table(u32),
    View(View),
    Call(SetFunc, Vec<Expr>),
    Values(Vec<Vec<Expr>>),
    Query(Box<Query>),
    Join {
        left: Box<Source>,
        right: Box<Source>,
        kind: JoinKind,
        on: Option<Expr>,
        width: usize,
    },
}

/// What becomes of a row on the left that finds none on the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinKind {
    Inner,
    Left,
}

/// One item of `FROM`, with its joins.
pub(super) fn from(
    analyzer: &mut Analyzer<'_>,
    item: &ast::TableWithJoins,
    parent: Option<&Scope<'_>>,
) -> PgResult<(Source, Vec<ScopeColumn>)> {
    let (mut source, columns) = factor(analyzer, &item.relation, parent)?;
    let mut scope = Scope { columns, parent };
    for joined in &item.joins {
        use ast::JoinOperator as J;
        let (kind, constraint) = match &joined.join_operator {
            J::Join(on) | J::Inner(on) | J::CrossJoin(on) => (JoinKind::Inner, on),
            J::Left(on) | J::LeftOuter(on) => (JoinKind::Left, on),
            _ => return Err(PgError::unsupported("this kind of join")),
        };
        let (right, columns) = factor(analyzer, &joined.relation, parent)?;
        let width = columns.len();
        scope.columns.extend(columns);
        let on = match constraint {
            ast::JoinConstraint::On(on) => {
                let typed = analyzer.expr(on, &scope)?;
                Some(condition(typed, "JOIN/ON", &mut analyzer.params)?)
            }
            ast::JoinConstraint::None => None,
            _ => return Err(PgError::unsupported("USING and NATURAL")),
        };
        source = join(Some(source), right, width, kind, on);
    }
    Ok((source, scope.columns))
}

pub(super) fn join(
    left: Option<Source>,
    right: Source,
    width: usize,
    kind: JoinKind,
    on: Option<Expr>,
) -> Source {
    match left {
        None => right,
        Some(left) => {
            Source::Join { left: Box::new(left), right: Box::new(right), kind, on, width }
        }
    }
}

fn factor(
    analyzer: &mut Analyzer<'_>,
    factor: &ast::TableFactor,
    parent: Option<&Scope<'_>>,
) -> PgResult<(Source, Vec<ScopeColumn>)> {
    match factor {
        ast::TableFactor::Table { name, alias, args: None, .. } => {
            if let Some(view) = view(analyzer, name)? {
                let fields = view.columns().iter().map(|(name, ty)| named(name, *ty)).collect();
                return Ok((Source::View(view), aliased(fields, view.name(), alias.as_ref())?));
            }
            let table = analyzer.table(name)?;
            analyzer.uses.push((table.id, "select", Mode::AccessShare));
            Ok((Source::Table(table.id), aliased(fields(table), &table.name, alias.as_ref())?))
        }
        ast::TableFactor::Table { name, alias, args: Some(args), .. } => {
            call(analyzer, name, &args.args, alias.as_ref(), parent)
        }
        ast::TableFactor::Function { lateral: false, name, args, alias, .. } => {
            call(analyzer, name, args, alias.as_ref(), parent)
        }
        ast::TableFactor::Derived { lateral: false, subquery, alias, .. } => {
            let query = analyze(analyzer, subquery, parent)?;
            let columns = aliased(query.fields(), "", alias.as_ref())?;
            Ok((Source::Query(Box::new(query)), columns))
        }
        other => Err(PgError::unsupported(format_args!("{other} in FROM"))),
    }
}

fn view(analyzer: &Analyzer<'_>, path: &ast::ObjectName) -> PgResult<Option<View>> {
    let (schema, last) = name(path)?;
    let view = View::named(&last);
    match schema.as_deref() {
        Some("pg_catalog") => view
            .map(Some)
            .ok_or_else(|| PgError::unsupported(format_args!("the relation pg_catalog.{last}"))),
        None if view.is_none() && last.starts_with("pg_") && analyzer.table(path).is_err() => {
            Err(PgError::unsupported(format_args!("the relation {last}")))
        }
        None => Ok(view),
        Some("information_schema") => Err(PgError::unsupported("information_schema")),
        Some(_) => Ok(None),
    }
}

fn call(
    analyzer: &mut Analyzer<'_>,
    path: &ast::ObjectName,
    args: &[ast::FunctionArg],
    alias: Option<&ast::TableAlias>,
    parent: Option<&Scope<'_>>,
) -> PgResult<(Source, Vec<ScopeColumn>)> {
    let (schema, called) = name(path)?;
    if schema.is_some_and(|schema| schema != "pg_catalog") {
        return Err(PgError::unsupported(format_args!("the function {path}")));
    }
    let outside = Scope { columns: Vec::new(), parent };
    let mut typed = Vec::new();
    for arg in args {
        let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(arg)) = arg else {
            return Err(PgError::unsupported(format_args!("the call of {path}")));
        };
        typed.push(analyzer.expr(arg, &outside)?);
    }
    let given: Vec<_> = typed.iter().map(|arg| arg.ty).collect();
    let found = functions::resolve(&called, &given)?;
    let Func::Set(set) = found.func else {
        return Err(PgError::unsupported(format_args!("{called}() in FROM")));
    };
    let args: PgResult<Vec<_>> = typed
        .into_iter()
        .zip(found.args)
        .map(|(arg, to)| coerce(arg, *to, &mut analyzer.params))
        .collect();
    let mut fields: Vec<_> =
        set.columns(found.returns).into_iter().map(|(name, ty)| named(name, ty)).collect();
    // A single column that is given no name of its own takes that of the alias.
    if let (SetFunc::GenerateSeries, Some(alias)) = (set, alias) {
        fields[0].name = ident(&alias.name);
    }
    Ok((Source::Call(set, args?), aliased(fields, &called, alias)?))
}

fn named(name: &str, ty: Type) -> Field {
    Field { name: name.to_owned(), ty, origin: (0, 0) }
}

/// The columns of a table.
pub(super) fn fields(table: &crate::catalog::Table) -> Vec<Field> {
    let columns = table.columns.iter().zip(1_i16..);
    columns
        .map(|(column, number)| Field {
            name: column.name.clone(),
            ty: column.ty,
            origin: (table.id, number),
        })
        .collect()
}

pub(super) fn aliased(
    fields: Vec<Field>,
    table: &str,
    alias: Option<&ast::TableAlias>,
) -> PgResult<Vec<ScopeColumn>> {
    let table = alias.map_or_else(|| table.to_owned(), |alias| ident(&alias.name));
    let names = alias.map(|alias| &alias.columns[..]).unwrap_or_default();
    if names.len() > fields.len() {
        return Err(PgError::new("42P10", format!("table \"{table}\" has fewer columns")));
    }
    let fields = fields.into_iter().enumerate();
    Ok(fields
        .map(|(at, field)| ScopeColumn {
            table: table.clone(),
            name: names.get(at).map_or(field.name, |column| ident(&column.name)),
            ty: field.ty,
            origin: field.origin,
        })
        .collect())
}
