//! What rows are ordered by, and what may be said of grouped ones.

use sqlparser::ast;

use super::query::Query;
use super::scope::Scope;
use super::{Analyzer, Expr};
use crate::error::{PgError, PgResult};
use crate::sql::ident;

/// One thing that rows are ordered by.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) by: Expr,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

pub(super) fn order(
    analyzer: &mut Analyzer<'_>,
    one: &ast::OrderByExpr,
    plan: &Query,
    scope: &Scope<'_>,
) -> PgResult<Order> {
    let descending = match &one.options.sort {
        None | Some(ast::OrderBySort::Asc) => false,
        Some(ast::OrderBySort::Desc) => true,
        Some(ast::OrderBySort::Using(_)) => return Err(PgError::unsupported("ORDER BY … USING")),
    };
    let nulls_first = one.options.nulls_first.unwrap_or(descending);
    let by_output = match &one.expr {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::Number(number, _) => {
                let at = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                let found = at.and_then(|at| plan.output.get(at));
                let missing = || {
                    PgError::new(
                        "42P10",
                        format!("ORDER BY position {number} is not in select list"),
                    )
                };
                Some(found.ok_or_else(missing)?)
            }
            _ => None,
        },
        ast::Expr::Identifier(alias) => {
            let alias = ident(alias);
            plan.output.iter().find(|(field, _)| field.name == alias)
        }
        _ => None,
    };
    let by = match by_output {
        Some((_, expr)) => expr.clone(),
        None => analyzer.expr(&one.expr, scope)?.expr,
    };
    Ok(Order { by, descending, nulls_first })
}

/// In a grouped query, what is returned must be by what it is grouped, or an aggregate.
pub(super) fn ungrouped(plan: &Query, scope: &Scope<'_>) -> PgResult<()> {
    let Some(group) = &plan.group else { return Ok(()) };
    let mut columns = Vec::new();
    for by in group {
        match by {
            Expr::Column { up: 0, at } => columns.push(*at),
            _ => return Err(PgError::unsupported("GROUP BY of anything but columns")),
        }
    }
    let mut stray = None;
    let order = plan.order.iter().map(|order| &order.by);
    let used = plan.output.iter().map(|(_, expr)| expr).chain(&plan.having).chain(order);
    for expr in used {
        expr.walk(&mut |expr| {
            if let Expr::Column { up: 0, at } = expr
                && !columns.contains(at)
            {
                stray.get_or_insert(*at);
            }
        });
    }
    if let Some(column) = stray.and_then(|at| scope.columns.get(at)) {
        let (table, name) = (&column.table, &column.name);
        return Err(PgError::new(
            "42803",
            format!(
                "column \"{table}.{name}\" must appear in the GROUP BY clause or be used in an \
                 aggregate function"
            ),
        ));
    }
    Ok(())
}
