//! What is returned: the columns of a select list or of `RETURNING`, and their names.

use sqlparser::ast;

use super::operator::coerce;
use super::query::Field;
use super::scope::Scope;
use super::{Analyzer, Expr, Typed};
use crate::error::{PgError, PgResult};
use crate::sql::{ident, name};
use crate::value::Type;

/// The columns of a select list, or of `RETURNING`.
pub(super) fn projection(
    analyzer: &mut Analyzer<'_>,
    items: &[ast::SelectItem],
    scope: &Scope<'_>,
) -> PgResult<Vec<(Field, Expr)>> {
    let mut output = Vec::new();
    for item in items {
        match item {
            ast::SelectItem::UnnamedExpr(expr) => {
                output.push(field(analyzer, expr, None, scope)?);
            }
            ast::SelectItem::ExprWithAlias { expr, alias } => {
                output.push(field(analyzer, expr, Some(ident(alias)), scope)?);
            }
            ast::SelectItem::Wildcard(_) => output.extend(all(scope, None)),
            ast::SelectItem::QualifiedWildcard(
                ast::SelectItemQualifiedWildcardKind::ObjectName(path),
                _,
            ) => {
                let (_, table) = name(path)?;
                output.extend(all(scope, Some(&table)));
            }
            other => return Err(PgError::unsupported(format_args!("{other} in a select list"))),
        }
    }
    Ok(output)
}

fn all(scope: &Scope<'_>, table: Option<&str>) -> Vec<(Field, Expr)> {
    let columns = scope.columns.iter().enumerate();
    columns
        .filter(|(_, column)| table.is_none_or(|table| column.table == table))
        .map(|(at, column)| {
            let field = Field { name: column.name.clone(), ty: column.ty, origin: column.origin };
            (field, Expr::Column { up: 0, at })
        })
        .collect()
}

fn field(
    analyzer: &mut Analyzer<'_>,
    written: &ast::Expr,
    alias: Option<String>,
    scope: &Scope<'_>,
) -> PgResult<(Field, Expr)> {
    let Typed { expr, ty } = analyzer.expr(written, scope)?;
    let origin = match expr {
        Expr::Column { up: 0, at } => scope.columns[at].origin,
        _ => (0, 0),
    };
    let name = alias.unwrap_or_else(|| called(written));
    // A literal that nobody gave a type is a text.
    let (expr, ty) = match ty {
        Type::Unknown => {
            let typed = Typed::new(expr, ty);
            (coerce(typed, Type::Text, &mut analyzer.params)?, Type::Text)
        }
        ty => (expr, ty),
    };
    Ok((Field { name, ty, origin }, expr))
}

/// What a column is called that was given no name (`FigureColname`).
fn called(written: &ast::Expr) -> String {
    match written {
        ast::Expr::Identifier(column) => ident(column),
        ast::Expr::CompoundIdentifier(parts) => parts.last().map(ident).unwrap_or_default(),
        ast::Expr::Nested(inner) => called(inner),
        ast::Expr::Function(function) => {
            name(&function.name).map_or_else(|_| "?column?".to_owned(), |(_, last)| last)
        }
        ast::Expr::Cast { expr, data_type, .. } => match called(expr).as_str() {
            "?column?" | "bool" if !matches!(**expr, ast::Expr::Identifier(_)) => {
                Type::parse(data_type)
                    .map_or_else(|_| "?column?".to_owned(), |(ty, _)| ty.typname().to_owned())
            }
            inner => inner.to_owned(),
        },
        ast::Expr::Case { .. } => "case".to_owned(),
        ast::Expr::Exists { .. } => "exists".to_owned(),
        ast::Expr::Extract { .. } => "extract".to_owned(),
        ast::Expr::Substring { shorthand, .. } => {
            if *shorthand { "substr" } else { "substring" }.to_owned()
        }
        ast::Expr::Subquery(query) => match &*query.body {
            ast::SetExpr::Select(select) => match select.projection.first() {
                Some(ast::SelectItem::UnnamedExpr(expr)) => called(expr),
                Some(ast::SelectItem::ExprWithAlias { alias, .. }) => ident(alias),
                _ => "?column?".to_owned(),
            },
            _ => "?column?".to_owned(),
        },
        ast::Expr::Value(value) if matches!(value.value, ast::Value::Boolean(_)) => {
            "bool".to_owned()
        }
        _ => "?column?".to_owned(),
    }
}
