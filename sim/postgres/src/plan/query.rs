//! Queries: where rows come from, which of them are taken, what is made of them.

use sqlparser::ast;

use super::functions::{self, Func, SetFunc};
use super::operator::{coerce, condition, unify};
use super::scope::{Scope, ScopeColumn};
use super::{Agg, Analyzer, Expr, Typed};
use crate::catalog::views::View;
use crate::error::{PgError, PgResult};
use crate::heap::RowLock;
use crate::locks::Mode;
use crate::sql::{ident, name};
use crate::value::{Type, Value};

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

/// One thing that rows are ordered by.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) by: Expr,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

/// `FOR UPDATE` and its like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Locking {
    pub(crate) strength: RowLock,
    pub(crate) wait: NoWait,
}

/// What is done about a row that somebody else has locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoWait {
    Wait,
    Error,
    Skip,
}

impl Locking {
    /// `NO KEY UPDATE` for `UPDATE`, and `KEY SHARE` for `SHARE`.
    pub(super) fn weaken(&mut self) {
        self.strength = match self.strength {
            RowLock::Update | RowLock::NoKeyUpdate => RowLock::NoKeyUpdate,
            RowLock::Share | RowLock::KeyShare => RowLock::KeyShare,
        };
    }
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
            plan.order.push(self::order(analyzer, one, &plan, &scope)?);
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
        plan.locking = Some(locking(analyzer, query, lock, &plan)?);
    }
    plan.aggs = analyzer.aggs.take().unwrap_or_default();
    if !plan.aggs.is_empty() && plan.group.is_none() {
        plan.group = Some(Vec::new());
    }
    ungrouped(&plan, &scope)?;
    Ok(plan)
}

fn locking(
    analyzer: &mut Analyzer<'_>,
    query: &ast::Query,
    lock: &ast::LockClause,
    plan: &Query,
) -> PgResult<Locking> {
    let Source::Table(table) = plan.source else {
        return Err(PgError::unsupported("row locks in a query that is not of one table"));
    };
    if query.locks.len() > 1 || lock.of.is_some() || plan.distinct || plan.group.is_some() {
        return Err(PgError::unsupported("row locks with OF, DISTINCT or groups"));
    }
    analyzer.uses.push((table, "update", Mode::RowShare));
    Ok(Locking {
        strength: match lock.lock_type {
            ast::LockType::Share => RowLock::Share,
            ast::LockType::Update => RowLock::Update,
        },
        wait: match lock.nonblock {
            None => NoWait::Wait,
            Some(ast::NonBlock::Nowait) => NoWait::Error,
            Some(ast::NonBlock::SkipLocked) => NoWait::Skip,
        },
    })
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

fn order(
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
fn ungrouped(plan: &Query, scope: &Scope<'_>) -> PgResult<()> {
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

fn join(
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
    let types: Vec<_> = typed.iter().map(|arg| arg.ty).collect();
    let found = functions::resolve(&called, &types)?;
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

/// A value that is left out.
pub(super) const NULL: Expr = Expr::Const(Value::Null);
