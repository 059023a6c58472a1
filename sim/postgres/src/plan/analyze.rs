//! Expressions as they are written into expressions as they are evaluated.

use std::collections::BTreeSet;

use sqlparser::ast::{self, BinaryOperator, UnaryOperator};

use super::functions::Func;
use super::literal::negative;
use super::operator::{arith, cast, coerce, compare, concat, condition, unify};
use super::predicate::{is_null, not, not_if};
use super::scope::Scope;
use super::{Agg, Arith, Compare, Expr, Typed, query};
use crate::catalog::{Catalog, Table};
use crate::error::{PgError, PgResult};
use crate::locks::Mode;
use crate::sql::ident;
use crate::value::{Type, Value};

/// What names mean to one statement.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) database: u32,
    pub(crate) mine: &'a BTreeSet<u64>,
    pub(crate) running: &'a BTreeSet<u64>,
    /// Whether `search_path` leads to the schema `public`.
    pub(crate) public: bool,
}

/// Analyses one statement.
pub(crate) struct Analyzer<'a> {
    pub(crate) names: Names<'a>,
    /// Types of the parameters, as far as they are known.
    pub(crate) params: Vec<Type>,
    /// The aggregates of the query at hand; none where there may not be any.
    pub(super) aggs: Option<Vec<Agg>>,
    /// Which tables are used, what for, and how they are locked.
    pub(crate) uses: Vec<(u32, &'static str, Mode)>,
}

impl<'a> Analyzer<'a> {
    pub(crate) fn new(names: Names<'a>, params: Vec<Type>) -> Self {
        Self { names, params, aggs: None, uses: Vec::new() }
    }

    /// A table by its name.
    ///
    /// # Errors
    /// 42P01: it does not exist, or not where `search_path` leads.
    pub(crate) fn table(&self, path: &ast::ObjectName) -> PgResult<&'a Table> {
        let qualified = path.0.len() > 1;
        let last = crate::sql::table_name(path)?;
        let Names { catalog, database, mine, running, public } = self.names;
        let found = catalog.table(database, &last, mine, running);
        found
            .filter(|_| qualified || public)
            .ok_or_else(|| PgError::new("42P01", format!("relation \"{path}\" does not exist")))
    }

    /// An expression.
    ///
    /// # Errors
    /// It means nothing, or something that this server does not support.
    pub(crate) fn expr(&mut self, written: &ast::Expr, scope: &Scope<'_>) -> PgResult<Typed> {
        use ast::Expr as E;
        Ok(match written {
            E::Nested(inner) => self.expr(inner, scope)?,
            E::Identifier(column) => column_of(scope, None, &ident(column))?,
            E::CompoundIdentifier(parts) => match &parts[..] {
                [table, column] => column_of(scope, Some(&ident(table)), &ident(column))?,
                _ => return Err(PgError::unsupported(format_args!("the name {written}"))),
            },
            E::Value(value) => self.literal(&value.value)?,
            E::TypedString(typed) => {
                let (to, _) = Type::parse(&typed.data_type)?;
                let literal = self.literal(&typed.value.value)?;
                Typed::new(coerce(literal, to, &mut self.params)?, to)
            }
            E::BinaryOp { left, op, right } => {
                let (left, right) = (self.expr(left, scope)?, self.expr(right, scope)?);
                self.binary(op, left, right)?
            }
            E::UnaryOp { op: UnaryOperator::Not, expr } => {
                let inner = self.condition(expr, scope, "NOT")?;
                Typed::new(Expr::Not(Box::new(inner)), Type::Bool)
            }
            E::UnaryOp { op: UnaryOperator::Minus, expr } => {
                let zero = Typed::new(Expr::Const(Value::Int(0)), Type::Int2);
                let inner = self.expr(expr, scope)?;
                negative(&inner)?
                    .map_or_else(|| arith(Arith::Sub, zero, inner, &mut self.params), Ok)?
            }
            E::UnaryOp { op: UnaryOperator::Plus, expr } => self.expr(expr, scope)?,
            E::IsNull(expr) => is_null(self.expr(expr, scope)?),
            E::IsNotNull(expr) => not(is_null(self.expr(expr, scope)?)),
            E::IsTrue(expr) => self.is(true, expr, scope)?,
            E::IsNotTrue(expr) => not(self.is(true, expr, scope)?),
            E::IsFalse(expr) => self.is(false, expr, scope)?,
            E::IsNotFalse(expr) => not(self.is(false, expr, scope)?),
            E::IsDistinctFrom(left, right) => self.distinct(left, right, scope)?,
            E::IsNotDistinctFrom(left, right) => not(self.distinct(left, right, scope)?),
            E::Between { expr, negated, low, high } => {
                let between = self.between(expr, low, high, scope)?;
                not_if(*negated, between)
            }
            E::In { expr, target, negated, .. } => {
                let inside = self.is_in(expr, target, scope)?;
                not_if(*negated, inside)
            }
            E::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let like = self.like(expr, pattern, false, scope)?;
                not_if(*negated, like)
            }
            E::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                let like = self.like(expr, pattern, true, scope)?;
                not_if(*negated, like)
            }
            E::Cast {
                kind: ast::CastKind::Cast | ast::CastKind::DoubleColon,
                expr,
                data_type,
                ..
            } => {
                let inner = self.expr(expr, scope)?;
                let (to, _) = Type::parse(data_type)?;
                self.explicit_cast(inner, to)?
            }
            E::Extract { field, expr, .. } => self.extract(field, expr, scope)?,
            E::Substring {
                expr,
                substring_from: Some(from),
                substring_for,
                special: _,
                shorthand: _,
            } => {
                let mut args = vec![self.expr(expr, scope)?, self.expr(from, scope)?];
                if let Some(length) = substring_for {
                    args.push(self.expr(length, scope)?);
                }
                self.call("substr", args)?
            }
            E::Function(function) => self.function(function, scope)?,
            E::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), scope)?
            }
            E::Exists { subquery, negated } => {
                let query = query::analyze(self, subquery, Some(scope))?;
                not_if(*negated, Typed::new(Expr::Exists(Box::new(query)), Type::Bool))
            }
            E::Subquery(subquery) => {
                let query = query::analyze(self, subquery, Some(scope))?;
                let [(field, _)] = &query.output[..] else {
                    return Err(PgError::syntax("subquery must return only one column"));
                };
                let ty = field.ty;
                Typed::new(Expr::Scalar(Box::new(query)), ty)
            }
            other => return Err(PgError::unsupported(format_args!("the expression {other}"))),
        })
    }

    /// An expression that is to be a condition.
    pub(crate) fn condition(
        &mut self,
        written: &ast::Expr,
        scope: &Scope<'_>,
        what: &str,
    ) -> PgResult<Expr> {
        let typed = self.expr(written, scope)?;
        condition(typed, what, &mut self.params)
    }

    fn binary(&mut self, op: &BinaryOperator, left: Typed, right: Typed) -> PgResult<Typed> {
        use BinaryOperator as B;
        let symbol = match op {
            B::PGCustomBinaryOperator(path) => match &path[..] {
                [schema, symbol] if schema == "pg_catalog" => symbol.clone(),
                _ => return Err(PgError::unsupported(format_args!("the operator {op}"))),
            },
            op => op.to_string(),
        };
        let params = &mut self.params;
        match symbol.as_str() {
            "AND" | "OR" => {
                let left = Box::new(condition(left, &symbol, params)?);
                let right = Box::new(condition(right, &symbol, params)?);
                let both =
                    if symbol == "AND" { Expr::And(left, right) } else { Expr::Or(left, right) };
                Ok(Typed::new(both, Type::Bool))
            }
            "=" => compare(Compare::Eq, left, right, params),
            "<>" | "!=" => compare(Compare::Ne, left, right, params),
            "<" => compare(Compare::Lt, left, right, params),
            "<=" => compare(Compare::Le, left, right, params),
            ">" => compare(Compare::Gt, left, right, params),
            ">=" => compare(Compare::Ge, left, right, params),
            "+" => arith(Arith::Add, left, right, params),
            "-" => arith(Arith::Sub, left, right, params),
            "*" => arith(Arith::Mul, left, right, params),
            "/" => arith(Arith::Div, left, right, params),
            "%" => arith(Arith::Rem, left, right, params),
            "||" => concat(left, right, params),
            _ => Err(PgError::unsupported(format_args!("the operator {symbol}"))),
        }
    }

    fn extract(
        &mut self,
        field: &ast::DateTimeField,
        moment: &ast::Expr,
        scope: &Scope<'_>,
    ) -> PgResult<Typed> {
        if !field.to_string().eq_ignore_ascii_case("epoch") {
            return Err(PgError::unsupported(format_args!("EXTRACT({field} …)")));
        }
        let moment = self.expr(moment, scope)?;
        let args = vec![coerce(moment, Type::Timestamptz, &mut self.params)?];
        let types = vec![Type::Timestamptz];
        Ok(Typed::new(Expr::Call { func: Func::ExtractEpoch, args, types }, Type::Numeric))
    }

    fn explicit_cast(&mut self, inner: Typed, to: Type) -> PgResult<Typed> {
        if inner.ty == Type::Unknown {
            return Ok(Typed::new(coerce(inner, to, &mut self.params)?, to));
        }
        Ok(Typed::new(cast(inner.expr, inner.ty, to), to))
    }

    fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        whens: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
        scope: &Scope<'_>,
    ) -> PgResult<Typed> {
        let (mut conditions, mut results) = (Vec::new(), Vec::new());
        for when in whens {
            conditions.push(match operand {
                Some(operand) => {
                    let (a, b) = (self.expr(operand, scope)?, self.expr(&when.condition, scope)?);
                    compare(Compare::Eq, a, b, &mut self.params)?.expr
                }
                None => self.condition(&when.condition, scope, "CASE/WHEN")?,
            });
            results.push(self.expr(&when.result, scope)?);
        }
        results.push(match otherwise {
            Some(otherwise) => self.expr(otherwise, scope)?,
            None => Typed::new(Expr::Const(Value::Null), Type::Unknown),
        });
        let (mut results, ty) = unify(results, "CASE", &mut self.params)?;
        let otherwise = Box::new(results.pop().expect("it was put there"));
        let branches = conditions.into_iter().zip(results).collect();
        Ok(Typed::new(Expr::Case { branches, otherwise }, ty))
    }
}

fn column_of(scope: &Scope<'_>, table: Option<&str>, name: &str) -> PgResult<Typed> {
    let (up, at, column) = scope.find(table, name)?;
    Ok(Typed::new(Expr::Column { up, at }, column.ty))
}
