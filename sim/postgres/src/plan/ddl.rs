//! Definitions of tables.
//!
//! Absent: indexes that are no constraints, sequences and identity, actions of foreign keys,
//! inheritance, partitions, and every `ALTER TABLE` but that which adds a constraint.

use std::collections::BTreeMap;

use sqlparser::ast;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::operator::coerce;
use super::query::fields;
use super::scope::Scope;
use super::{Analyzer, Expr, query, unsupported_statement};
use crate::catalog::{Check, Column, ForeignKey, Table, Unique};
use crate::error::{PgError, PgResult};
use crate::locks::Mode;
use crate::sql::{ident, table_name};
use crate::value::Type;

/// A definition.
#[derive(Clone, Debug)]
pub(crate) enum Definition {
    /// Its id, its owner and its database are not settled yet.
    CreateTable(Table),
    /// It exists, and that is no error.
    Exists(String),
    DropTable {
        ids: Vec<u32>,
        missing: Vec<String>,
    },
    AlterTable {
        before: Table,
        after: Table,
    },
}

impl Definition {
    /// The command tag.
    pub(crate) fn tag(&self) -> &'static str {
        match self {
            Self::CreateTable(_) | Self::Exists(_) => "CREATE TABLE",
            Self::DropTable { .. } => "DROP TABLE",
            Self::AlterTable { .. } => "ALTER TABLE",
        }
    }
}

/// Analyses a definition.
///
/// # Errors
/// It means nothing, or something that this server does not support.
pub(crate) fn define(
    analyzer: &mut Analyzer<'_>,
    statement: &ast::Statement,
) -> PgResult<Definition> {
    match statement {
        ast::Statement::CreateTable(create) => create_table(analyzer, create),
        ast::Statement::Drop {
            object_type: ast::ObjectType::Table,
            if_exists,
            names,
            cascade: false,
            ..
        } => drop_table(analyzer, names, *if_exists),
        ast::Statement::AlterTable(alter) => alter_table(analyzer, alter),
        other => Err(unsupported_statement(other)),
    }
}

fn create_table(analyzer: &mut Analyzer<'_>, create: &ast::CreateTable) -> PgResult<Definition> {
    if create.temporary {
        return Err(PgError::unsupported("temporary tables"));
    }
    let plain = create.query.is_none()
        && create.like.is_none()
        && create.inherits.is_none()
        && create.partition_by.is_none()
        && create.partition_of.is_none()
        && create.on_commit.is_none()
        && !create.unlogged;
    if !plain {
        return Err(PgError::unsupported("this form of CREATE TABLE"));
    }
    let name = table_name(&create.name)?;
    if create.if_not_exists && analyzer.table(&create.name).is_ok() {
        return Ok(Definition::Exists(name));
    }
    let mut table = Table {
        id: 0,
        database: analyzer.names.database,
        name,
        owner: String::new(),
        columns: Vec::new(),
        uniques: Vec::new(),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        grants: BTreeMap::new(),
        created_by: 0,
        dropped_by: None,
    };
    for column in &create.columns {
        let name = ident(&column.name);
        if table.column(&name).is_some() {
            let text = format!("column \"{name}\" specified more than once");
            return Err(PgError::new("42701", text));
        }
        let (ty, limit) = Type::parse(&column.data_type)?;
        table.columns.push(Column { name, ty, limit, not_null: false, default: None });
    }
    for (at, column) in create.columns.iter().enumerate() {
        for option in &column.options {
            let name = option.name.as_ref().map(ident);
            column_option(analyzer, &mut table, at, name, &option.option)?;
        }
    }
    for constraint in &create.constraints {
        add(analyzer, &mut table, constraint)?;
    }
    Ok(Definition::CreateTable(table))
}

fn column_option(
    analyzer: &mut Analyzer<'_>,
    table: &mut Table,
    at: usize,
    name: Option<String>,
    option: &ast::ColumnOption,
) -> PgResult<()> {
    match option {
        ast::ColumnOption::Null => {}
        ast::ColumnOption::NotNull => table.columns[at].not_null = true,
        ast::ColumnOption::Default(expr) => {
            let typed = analyzer.expr(expr, &Scope::default())?;
            coerce(typed, table.columns[at].ty, &mut analyzer.params)?;
            table.columns[at].default = Some(expr.to_string());
        }
        ast::ColumnOption::PrimaryKey(key) => {
            unique(table, name, vec![at], true, key.characteristics.as_ref())?;
        }
        ast::ColumnOption::Unique(key) => {
            unique(table, name, vec![at], false, key.characteristics.as_ref())?;
        }
        ast::ColumnOption::Check(check) => {
            let column = table.columns[at].name.clone();
            self::check(analyzer, table, name, Some(&column), &check.expr)?;
        }
        ast::ColumnOption::ForeignKey(key) => foreign_key(analyzer, table, name, &[at], key)?,
        other => return Err(PgError::unsupported(format_args!("{other} of a column"))),
    }
    Ok(())
}

fn add(
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

fn unique(
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
        columns.iter().for_each(|at| table.columns[*at].not_null = true);
    }
    let (deferrable, deferred) = timing(characteristics);
    table.uniques.push(Unique { name, columns, primary, deferrable, deferred });
    Ok(())
}

fn check(
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
    let columns = query::aliased(fields(table), &table.name, None)?;
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

fn foreign_key(
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

fn drop_table(
    analyzer: &mut Analyzer<'_>,
    names: &[ast::ObjectName],
    if_exists: bool,
) -> PgResult<Definition> {
    let (mut ids, mut missing) = (Vec::new(), Vec::new());
    for name in names {
        match analyzer.table(name) {
            Ok(table) => {
                analyzer.uses.push((table.id, "owner", Mode::AccessExclusive));
                ids.push(table.id);
            }
            Err(error) if error.code == "42P01" && if_exists => missing.push(name.to_string()),
            Err(error) if error.code == "42P01" => {
                return Err(PgError::new("42P01", format!("table \"{name}\" does not exist")));
            }
            Err(error) => return Err(error),
        }
    }
    let others = analyzer.names.catalog.tables.values();
    let others = others.filter(|table| !ids.contains(&table.id));
    let mut depending = Vec::new();
    for table in others {
        for key in table.foreign_keys.iter().filter(|key| ids.contains(&key.target)) {
            let target = &analyzer.names.catalog.tables[&key.target].name;
            let (name, table) = (&key.name, &table.name);
            depending.push(format!("constraint {name} on table {table} depends on table {target}"));
        }
    }
    if !depending.is_empty() {
        let what = match names {
            [one] => format!("table {one} because other objects depend on it"),
            _ => "desired object(s) because other objects depend on them".to_owned(),
        };
        return Err(PgError::new("2BP01", format!("cannot drop {what}"))
            .detail(depending.join("\n"))
            .hint("Use DROP ... CASCADE to drop the dependent objects too."));
    }
    Ok(Definition::DropTable { ids, missing })
}

fn alter_table(analyzer: &mut Analyzer<'_>, alter: &ast::AlterTable) -> PgResult<Definition> {
    let before = analyzer.table(&alter.name)?.clone();
    let mut after = before.clone();
    analyzer.uses.push((before.id, "owner", Mode::AccessExclusive));
    for operation in &alter.operations {
        match operation {
            ast::AlterTableOperation::AddConstraint { constraint, not_valid: false } => {
                add(analyzer, &mut after, constraint)?;
            }
            other => return Err(PgError::unsupported(format_args!("ALTER TABLE … {other}"))),
        }
    }
    Ok(Definition::AlterTable { before, after })
}
