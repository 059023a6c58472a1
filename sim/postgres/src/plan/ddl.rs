//! Definitions of tables.
//!
//! Absent: indexes that are no constraints, sequences and identity,
//! inheritance, partitions, and every `ALTER TABLE` but that which adds a constraint.

use std::collections::BTreeMap;

use sqlparser::ast;

use super::constraint::{self, add, foreign_key, unique};
use super::operator::coerce;
use super::scope::Scope;
use super::{Analyzer, unsupported_statement};
use crate::catalog::{Column, Table};
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
            constraint::check(analyzer, table, name, Some(&column), &check.expr)?;
        }
        ast::ColumnOption::ForeignKey(key) => foreign_key(analyzer, table, name, &[at], key)?,
        other => return Err(PgError::unsupported(format_args!("{other} of a column"))),
    }
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
                // A reference goes with its triggers, of which the other table has some.
                for key in &table.foreign_keys {
                    analyzer.uses.push((key.target, "", Mode::AccessExclusive));
                }
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

fn alter_table(analyzer: &mut Analyzer<'_>, statement: &ast::AlterTable) -> PgResult<Definition> {
    let before = analyzer.table(&statement.name)?.clone();
    let mut after = before.clone();
    analyzer.uses.push((before.id, "owner", Mode::AccessExclusive));
    for operation in &statement.operations {
        match operation {
            ast::AlterTableOperation::AddConstraint { constraint, not_valid: false } => {
                add(analyzer, &mut after, constraint)?;
            }
            other => return Err(PgError::unsupported(format_args!("ALTER TABLE … {other}"))),
        }
    }
    Ok(Definition::AlterTable { before, after })
}
