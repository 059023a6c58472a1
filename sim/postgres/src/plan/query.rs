//! Queries: where rows come from, which of them are taken, what is made of them.

use sqlparser::ast;

use super::from::{JoinKind, Source, from, join};
use super::operator::{coerce, unify};
use super::order::{self, Order};
use super::projection::projection;
use super::row_lock::{self, Locking};
use super::scope::{Scope, ScopeColumn};
use super::{Agg, Analyzer, Expr};
use crate::error::{PgError, PgResult};
use crate::value::Type;

/// A query.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) source: Source,
    pub(crate) filter: Option<Expr>,
    /// By what it is grouped; none if it is not.
    pub(crate) group: Option<Vec<Expr>>,
    pub(crate) aggs: Vec<Agg>,
    pub(crate) having: Option<Expr>,
    pub(crate) output: Vec<(Field, Expr)>,
    pub(crate) order: Vec<Order>,
    pub(crate) distinct: bool,
    pub(crate) limit: Option<Expr>,
    pub(crate) offset: Option<Expr>,
    pub(crate) locking: Option<Locking>,
}

/// A column of what is returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// Table and column that it is, if it is one.
    pub(crate) origin: (u32, i16),
}

impl Query {
    pub(crate) fn fields(&self) -> Vec<Field> {
        self.output.iter().map(|(field, _)| field.clone()).collect()
    }
}

/// Analyses a query, which may stand in another.
///
/// # Errors
/// It means nothing, or something that this server does not support.
pub(crate) fn analyze(
    analyzer: &mut Analyzer<'_>,
    query: &ast::Query,
    parent: Option<&Scope<'_>>,
) -> PgResult<Query> {
    let unsupported = |what: &str| Err(PgError::unsupported(what));
    if query.with.is_some() {
        return unsupported("WITH");
    }
    if query.fetch.is_some() || query.for_clause.is_some() || !query.pipe_operators.is_empty() {
        return unsupported("this clause of a query");
    }
    let outer = analyzer.aggs.replace(Vec::new());
    let result = body(analyzer, query, parent);
    analyzer.aggs = outer;
    result
}

fn body(
    analyzer: &mut Analyzer<'_>,
    query: &ast::Query,
    parent: Option<&Scope<'_>>,
) -> PgResult<Query> {
    let (mut plan, scope) = match &*query.body {
        ast::SetExpr::Select(select) => self::select(analyzer, select, parent)?,
        ast::SetExpr::Values(values) => self::values(analyzer, values, parent)?,
        ast::SetExpr::Query(inner) => {
            let inner = analyze(analyzer, inner, parent)?;
            let fields = inner.fields();
            wrap(Source::Query(Box::new(inner)), fields, "", parent)
        }
        ast::SetExpr::SetOperation { op, .. } => {
            return Err(PgError::unsupported(format_args!("{op}")));
        }
        other => return Err(PgError::unsupported(format_args!("the query {other}"))),
    };
    if let Some(order) = &query.order_by {
        let ast::OrderByKind::Expressions(by) = &order.kind else {
            return Err(PgError::unsupported("ORDER BY ALL"));
        };
        for one in by {
            plan.order.push(order::order(analyzer, one, &plan, &scope)?);
        }
    }
    match &query.limit_clause {
        None => {}
        Some(ast::LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
            let mut number = |expr: &ast::Expr| {
                let typed = analyzer.expr(expr, &Scope::default())?;
                coerce(typed, Type::Int8, &mut analyzer.params)
            };
            plan.limit = limit.as_ref().map(&mut number).transpose()?;
            plan.offset = offset.as_ref().map(|offset| number(&offset.value)).transpose()?;
        }
        Some(other) => return Err(PgError::unsupported(format_args!("the clause {other}"))),
    }
    if let Some(lock) = query.locks.first() {
        plan.locking = Some(row_lock::locking(analyzer, query, lock, &plan)?);
    }
    plan.aggs = analyzer.aggs.take().unwrap_or_default();
    if !plan.aggs.is_empty() && plan.group.is_none() {
        plan.group = Some(Vec::new());
    }
    order::ungrouped(&plan, &scope)?;
    Ok(plan)
}

/// A query that returns the rows of a source as they are.
fn wrap<'a>(
    source: Source,
    fields: Vec<Field>,
    table: &str,
    parent: Option<&'a Scope<'a>>,
) -> (Query, Scope<'a>) {
    let columns = fields.iter().map(|field| ScopeColumn {
        table: table.to_owned(),
        name: field.name.clone(),
        ty: field.ty,
        origin: field.origin,
    });
    let scope = Scope { columns: columns.collect(), parent };
    let output = fields.into_iter().enumerate();
    let output = output.map(|(at, field)| (field, Expr::Column { up: 0, at })).collect();
    (plain(source, output), scope)
}

fn plain(source: Source, output: Vec<(Field, Expr)>) -> Query {
    Query {
        source,
        filter: None,
        group: None,
        aggs: Vec::new(),
        having: None,
        output,
        order: Vec::new(),
        distinct: false,
        limit: None,
        offset: None,
        locking: None,
    }
}

fn values<'a>(
    analyzer: &mut Analyzer<'_>,
    values: &ast::Values,
    parent: Option<&'a Scope<'a>>,
) -> PgResult<(Query, Scope<'a>)> {
    let outside = Scope { columns: Vec::new(), parent };
    let mut rows = Vec::new();
    for row in &values.rows {
        let row: PgResult<Vec<_>> =
            row.content.iter().map(|expr| analyzer.expr(expr, &outside)).collect();
        rows.push(row?);
    }
    let width = rows.first().map_or(0, Vec::len);
    if rows.iter().any(|row| row.len() != width) {
        return Err(PgError::syntax("VALUES lists must all be the same length"));
    }
    let mut typed_rows = vec![Vec::new(); rows.len()];
    let mut fields = Vec::new();
    for at in 0..width {
        let column = rows.iter().map(|row| row[at].clone()).collect();
        let (column, ty) = unify(column, "VALUES", &mut analyzer.params)?;
        for (row, expr) in typed_rows.iter_mut().zip(column) {
            row.push(expr);
        }
        fields.push(Field { name: format!("column{}", at + 1), ty, origin: (0, 0) });
    }
    Ok(wrap(Source::Values(typed_rows), fields, "", parent))
}

fn select<'a>(
    analyzer: &mut Analyzer<'_>,
    select: &ast::Select,
    parent: Option<&'a Scope<'a>>,
) -> PgResult<(Query, Scope<'a>)> {
    let simple = select.into.is_none()
        && select.top.is_none()
        && select.qualify.is_none()
        && select.named_window.is_empty()
        && select.lateral_views.is_empty()
        && select.exclude.is_none();
    if !simple {
        return Err(PgError::unsupported("this clause of SELECT"));
    }
    let mut scope = Scope { columns: Vec::new(), parent };
    let mut source = None;
    for item in &select.from {
        let (right, columns) = from(analyzer, item, parent)?;
        source = Some(join(source, right, columns.len(), JoinKind::Inner, None));
        scope.columns.extend(columns);
    }
    let source = source.unwrap_or(Source::Unit);
    let aggs = analyzer.aggs.take();
    let filter = select.selection.as_ref();
    let filter = filter.map(|expr| analyzer.condition(expr, &scope, "WHERE")).transpose()?;
    let group = match &select.group_by {
        ast::GroupByExpr::Expressions(by, modifiers) if modifiers.is_empty() => {
            let by: PgResult<Vec<_>> =
                by.iter().map(|expr| analyzer.expr(expr, &scope).map(|typed| typed.expr)).collect();
            by?
        }
        other => return Err(PgError::unsupported(format_args!("{other}"))),
    };
    analyzer.aggs = aggs;
    let output = projection(analyzer, &select.projection, &scope)?;
    let having = select.having.as_ref();
    let having = having.map(|expr| analyzer.condition(expr, &scope, "HAVING")).transpose()?;
    let distinct = match &select.distinct {
        None | Some(ast::Distinct::All) => false,
        Some(ast::Distinct::Distinct) => true,
        Some(ast::Distinct::On(_)) => return Err(PgError::unsupported("DISTINCT ON")),
    };
    let group = (!group.is_empty() || having.is_some()).then_some(group);
    Ok((Query { filter, group, having, distinct, ..plain(source, output) }, scope))
}
