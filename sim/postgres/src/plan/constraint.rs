//! Constraints of a table, as they are declared.
//!
//! Absent: actions of foreign keys, `NULLS NOT DISTINCT`, exclusion.

use sqlparser::ast;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::from::{aliased, fields};
use super::scope::Scope;
use super::{Analyzer, Expr};
use crate::catalog::{Check, ForeignKey, Table, Unique};
use crate::error::{PgError, PgResult};
use crate::locks::Mode;
use crate::sql::{ident, table_name};

pub(super) fn add(
    analyzer: &mut Analyzer<'_>,
    table: &mut Table,
    constraint: &ast::TableConstraint,
) -> PgResult<()> {
    match constraint {
        ast::TableConstraint::PrimaryKey(key) => {
            let columns = index_columns(table, &key.columns)?;
            let name = key.name.as_ref().map(ident);
            unique(table, name, columns, true, key.characteristics.as_ref())
        }
        ast::TableConstraint::Unique(key) => {
            if matches!(key.nulls_distinct, ast::NullsDistinctOption::NotDistinct) {
                return Err(PgError::unsupported("NULLS NOT DISTINCT"));
            }
            let columns = index_columns(table, &key.columns)?;
            let name = key.name.as_ref().map(ident);
            unique(table, name, columns, false, key.characteristics.as_ref())
        }
        ast::TableConstraint::Check(check) => {
            self::check(analyzer, table, check.name.as_ref().map(ident), None, &check.expr)
        }
        ast::TableConstraint::ForeignKey(key) => {
            let columns: PgResult<Vec<_>> =
                key.columns.iter().map(|column| place(table, &ident(column))).collect();
            foreign_key(analyzer, table, key.name.as_ref().map(ident), &columns?, key)
        }
        other => Err(PgError::unsupported(format_args!("the constraint {other}"))),
    }
}

fn place(table: &Table, column: &str) -> PgResult<usize> {
    let missing = || PgError::new("42703", format!("column \"{column}\" does not exist"));
    table.column(column).ok_or_else(missing)
}

fn index_columns(table: &Table, columns: &[ast::IndexColumn]) -> PgResult<Vec<usize>> {
    let places = columns.iter().map(|column| match &column.column.expr {
        ast::Expr::Identifier(name) => place(table, &ident(name)),
        other => Err(PgError::unsupported(format_args!("a key of {other}"))),
    });
    places.collect()
}

/// Whether it may be put off, and whether it is to begin with.
fn timing(characteristics: Option<&ast::ConstraintCharacteristics>) -> (bool, bool) {
    let Some(said) = characteristics else { return (false, false) };
    let deferred = matches!(said.initially, Some(ast::DeferrableInitial::Deferred));
    (said.deferrable.unwrap_or(deferred), deferred)
}

fn named(table: &Table, given: Option<String>, parts: &[&str]) -> String {
    let taken = |name: &str| {
        table.uniques.iter().any(|c| c.name == name)
            || table.checks.iter().any(|c| c.name == name)
            || table.foreign_keys.iter().any(|c| c.name == name)
    };
    given.unwrap_or_else(|| {
        let plain = format!("{}_{}", table.name, parts.join("_"));
        let numbered = (1..).map(|n| format!("{plain}{n}"));
        let mut names = std::iter::once(plain.clone()).chain(numbered);
        names.find(|name| !taken(name)).unwrap_or(plain)
    })
}

pub(super) fn unique(
    table: &mut Table,
    name: Option<String>,
    columns: Vec<usize>,
    primary: bool,
    characteristics: Option<&ast::ConstraintCharacteristics>,
) -> PgResult<()> {
    if primary && table.uniques.iter().any(|unique| unique.primary) {
        let text = format!("multiple primary keys for table \"{}\" are not allowed", table.name);
        return Err(PgError::new("42P16", text));
    }
    let mut parts: Vec<_> = columns.iter().map(|at| table.columns[*at].name.as_str()).collect();
    if primary {
        parts = vec!["pkey"];
    } else {
        parts.push("key");
    }
    let name = named(table, name, &parts);
    if primary {
        for at in &columns {
            table.columns[*at].not_null = true;
        }
    }
    let (deferrable, deferred) = timing(characteristics);
    table.uniques.push(Unique { name, columns, primary, deferrable, deferred });
    Ok(())
}

pub(super) fn check(
    analyzer: &mut Analyzer<'_>,
    table: &mut Table,
    name: Option<String>,
    column: Option<&str>,
    expr: &ast::Expr,
) -> PgResult<()> {
    let sql = expr.to_string();
    let parts: Vec<_> = column.into_iter().chain(["check"]).collect();
    let name = named(table, name, &parts);
    table.checks.push(Check { name, sql });
    checks(analyzer, table)?;
    Ok(())
}

/// The checks of a table, ready to be evaluated against a row of it.
///
/// # Errors
/// They do not fit its columns.
pub(crate) fn checks(analyzer: &mut Analyzer<'_>, table: &Table) -> PgResult<Vec<(String, Expr)>> {
    let columns = aliased(fields(table), &table.name, None)?;
    let scope = Scope { columns, parent: None };
    let mut checks = Vec::new();
    for check in &table.checks {
        let written = parse_expr(&check.sql)?;
        checks.push((check.name.clone(), analyzer.condition(&written, &scope, "CHECK")?));
    }
    Ok(checks)
}

/// Reads an expression that was kept as SQL.
///
/// # Errors
/// It cannot be read.
pub(super) fn parse_expr(sql: &str) -> PgResult<ast::Expr> {
    let dialect = PostgreSqlDialect {};
    let parsed = Parser::new(&dialect).try_with_sql(sql).and_then(|mut p| p.parse_expr());
    parsed.map_err(|error| PgError::new("XX000", format!("{sql}: {error}")))
}

pub(super) fn foreign_key(
    analyzer: &mut Analyzer<'_>,
    table: &mut Table,
    name: Option<String>,
    columns: &[usize],
    key: &ast::ForeignKeyConstraint,
) -> PgResult<()> {
    use ast::ReferentialAction::{NoAction, Restrict};
    for action in [&key.on_delete, &key.on_update].into_iter().flatten() {
        if !matches!(action, NoAction | Restrict) {
            return Err(PgError::unsupported(format_args!("{action} of a foreign key")));
        }
    }
    if key.match_kind.is_some() {
        return Err(PgError::unsupported("MATCH of a foreign key"));
    }
    let own = table_name(&key.foreign_table)? == table.name;
    let target = if own { table.clone() } else { analyzer.table(&key.foreign_table)?.clone() };
    let target_columns: Vec<_> = if key.referred_columns.is_empty() {
        let primary = target.uniques.iter().find(|unique| unique.primary);
        let missing = || {
            let text = format!("there is no primary key for referenced table \"{}\"", target.name);
            PgError::new("42704", text)
        };
        primary.ok_or_else(missing)?.columns.clone()
    } else {
        let places = key.referred_columns.iter().map(|column| place(&target, &ident(column)));
        places.collect::<PgResult<_>>()?
    };
    if !target.uniques.iter().any(|unique| unique.columns == target_columns && !unique.deferrable) {
        return Err(PgError::new(
            "42830",
            format!(
                "there is no unique constraint matching given keys for referenced table \"{}\"",
                target.name
            ),
        ));
    }
    if target_columns.len() != columns.len() {
        return Err(PgError::new(
            "42830",
            "number of referencing and referenced columns for foreign key disagree",
        ));
    }
    let mut parts: Vec<_> = columns.iter().map(|at| table.columns[*at].name.as_str()).collect();
    parts.push("fkey");
    let name = named(table, name, &parts);
    let (deferrable, deferred) = timing(key.characteristics.as_ref());
    let (target, columns) = (target.id, columns.to_vec());
    if !own {
        analyzer.uses.push((target, "references", Mode::ShareRowExclusive));
    }
    table.foreign_keys.push(ForeignKey {
        name,
        columns,
        target,
        target_columns,
        deferrable,
        deferred,
    });
    Ok(())
}
