//! Expressions as they are written into expressions as they are evaluated.

use std::collections::BTreeSet;

use sqlparser::ast::{self, BinaryOperator, UnaryOperator};

use super::functions::{self, Func};
use super::operator::{arith, cast, coerce, compare, concat, condition, unify};
use super::scope::Scope;
use super::{Agg, AggKind, Arith, Compare, Expr, Typed, query};
use crate::catalog::{Catalog, Table};
use crate::error::{PgError, PgResult};
use crate::locks::Mode;
use crate::sql::{ident, name};
use crate::value::{Decimal, Type, Value};

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
                let value = self.expr(expr, scope)?;
                let (low, high) = (self.expr(low, scope)?, self.expr(high, scope)?);
                let above = compare(Compare::Ge, value.clone(), low, &mut self.params)?;
                let below = compare(Compare::Le, value, high, &mut self.params)?;
                let both = Expr::And(Box::new(above.expr), Box::new(below.expr));
                not_if(*negated, Typed::new(both, Type::Bool))
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
            E::Extract { field, expr, .. } => {
                if !field.to_string().eq_ignore_ascii_case("epoch") {
                    return Err(PgError::unsupported(format_args!("EXTRACT({field} …)")));
                }
                let moment = self.expr(expr, scope)?;
                let moment = coerce(moment, Type::Timestamptz, &mut self.params)?;
                let types = vec![Type::Timestamptz];
                let call = Expr::Call { func: Func::ExtractEpoch, args: vec![moment], types };
                Typed::new(call, Type::Numeric)
            }
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

    fn literal(&mut self, value: &ast::Value) -> PgResult<Typed> {
        use ast::Value as V;
        let (value, ty) = match value {
            V::Null => (Value::Null, Type::Unknown),
            V::Boolean(bool) => (Value::Bool(*bool), Type::Bool),
            V::Number(digits, _) => number(digits)?,
            V::SingleQuotedString(text) | V::EscapedStringLiteral(text) => {
                (Value::text(text), Type::Unknown)
            }
            V::DollarQuotedString(quoted) => (Value::text(&quoted.value), Type::Unknown),
            V::Placeholder(name) => {
                let number = name.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
                let at = number.and_then(|n| n.checked_sub(1));
                let at = at.ok_or_else(|| PgError::syntax(format!("no parameter is {name}")))?;
                if self.params.len() <= at {
                    self.params.resize(at + 1, Type::Unknown);
                }
                return Ok(Typed::new(Expr::Param(at), self.params[at]));
            }
            other => return Err(PgError::unsupported(format_args!("the literal {other}"))),
        };
        Ok(Typed::new(Expr::Const(value), ty))
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

    fn is(&mut self, want: bool, expr: &ast::Expr, scope: &Scope<'_>) -> PgResult<Typed> {
        let inner = self.condition(expr, scope, "IS")?;
        Ok(Typed::new(Expr::Is(want, Box::new(inner)), Type::Bool))
    }

    fn distinct(
        &mut self,
        left: &ast::Expr,
        right: &ast::Expr,
        scope: &Scope<'_>,
    ) -> PgResult<Typed> {
        let both = vec![self.expr(left, scope)?, self.expr(right, scope)?];
        let (mut both, _) = unify(both, "IS DISTINCT FROM", &mut self.params)?;
        let right = Box::new(both.pop().expect("there are two"));
        let left = Box::new(both.pop().expect("there are two"));
        Ok(Typed::new(Expr::IsDistinct(left, right), Type::Bool))
    }

    fn is_in(
        &mut self,
        expr: &ast::Expr,
        target: &ast::InTarget,
        scope: &Scope<'_>,
    ) -> PgResult<Typed> {
        let value = self.expr(expr, scope)?;
        match target {
            ast::InTarget::List(list) => {
                let mut all = vec![value];
                for item in list {
                    all.push(self.expr(item, scope)?);
                }
                let (mut all, _) = unify(all, "IN", &mut self.params)?;
                let value = Box::new(all.remove(0));
                Ok(Typed::new(Expr::InList(value, all), Type::Bool))
            }
            ast::InTarget::Subquery(subquery) => {
                let query = query::analyze(self, subquery, Some(scope))?;
                let [(field, _)] = &query.output[..] else {
                    return Err(PgError::syntax("subquery has too many columns"));
                };
                let value = coerce(value, field.ty, &mut self.params)?;
                Ok(Typed::new(Expr::InQuery(Box::new(value), Box::new(query)), Type::Bool))
            }
            other => Err(PgError::unsupported(format_args!("IN {other}"))),
        }
    }

    fn like(
        &mut self,
        text: &ast::Expr,
        pattern: &ast::Expr,
        fold: bool,
        scope: &Scope<'_>,
    ) -> PgResult<Typed> {
        let (text, pattern) = (self.expr(text, scope)?, self.expr(pattern, scope)?);
        let text = Box::new(coerce(text, Type::Text, &mut self.params)?);
        let pattern = Box::new(coerce(pattern, Type::Text, &mut self.params)?);
        Ok(Typed::new(Expr::Like { text, pattern, fold }, Type::Bool))
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

    fn function(&mut self, function: &ast::Function, scope: &Scope<'_>) -> PgResult<Typed> {
        let unsupported = || PgError::unsupported(format_args!("the call {function}"));
        let (schema, called) = name(&function.name)?;
        let plain = function.filter.is_none()
            && function.over.is_none()
            && function.within_group.is_empty()
            && function.null_treatment.is_none();
        if !plain || schema.is_some_and(|schema| schema != "pg_catalog") {
            return Err(unsupported());
        }
        let (mut args, mut star, mut distinct) = (Vec::new(), false, false);
        match &function.args {
            ast::FunctionArguments::None => {}
            ast::FunctionArguments::Subquery(_) => return Err(unsupported()),
            ast::FunctionArguments::List(list) => {
                distinct =
                    matches!(list.duplicate_treatment, Some(ast::DuplicateTreatment::Distinct));
                if !list.clauses.is_empty() {
                    return Err(unsupported());
                }
                for arg in &list.args {
                    match arg {
                        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => {
                            args.push(expr);
                        }
                        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard) => star = true,
                        _ => return Err(unsupported()),
                    }
                }
            }
        }
        if matches!(called.as_str(), "count" | "sum" | "min" | "max" | "bool_and" | "bool_or") {
            return self.aggregate(&called, &args, star, distinct, scope);
        }
        if star || distinct {
            return Err(unsupported());
        }
        let args: PgResult<Vec<_>> = args.into_iter().map(|arg| self.expr(arg, scope)).collect();
        self.call(&called, args?)
    }

    fn call(&mut self, called: &str, args: Vec<Typed>) -> PgResult<Typed> {
        match called {
            "coalesce" => {
                let (all, ty) = unify(args, "COALESCE", &mut self.params)?;
                return Ok(Typed::new(Expr::Coalesce(all), ty));
            }
            "greatest" | "least" => {
                let greatest = called == "greatest";
                let (of, ty) = unify(args, &called.to_uppercase(), &mut self.params)?;
                return Ok(Typed::new(Expr::Extreme { greatest, of }, ty));
            }
            "nullif" if args.len() == 2 => {
                let (mut all, ty) = unify(args, "NULLIF", &mut self.params)?;
                let second = Box::new(all.pop().expect("there are two"));
                let first = all.pop().expect("there are two");
                let same = Expr::Compare(Compare::Eq, Box::new(first.clone()), second);
                let branches = vec![(same, Expr::Const(Value::Null))];
                return Ok(Typed::new(Expr::Case { branches, otherwise: Box::new(first) }, ty));
            }
            _ => {}
        }
        let types: Vec<_> = args.iter().map(|arg| arg.ty).collect();
        let found = functions::resolve(called, &types)?;
        if matches!(found.func, Func::Set(_)) {
            return Err(PgError::unsupported(format_args!("{called}() outside of FROM")));
        }
        let coerced: PgResult<Vec<_>> = args
            .into_iter()
            .zip(found.args)
            .map(|(arg, to)| coerce(arg, *to, &mut self.params))
            .collect();
        let call = Expr::Call { func: found.func, args: coerced?, types: found.args.to_vec() };
        Ok(Typed::new(call, found.returns))
    }

    fn aggregate(
        &mut self,
        called: &str,
        args: &[&ast::Expr],
        star: bool,
        distinct: bool,
        scope: &Scope<'_>,
    ) -> PgResult<Typed> {
        let Some(outer) = self.aggs.take() else {
            return Err(PgError::new("42803", "aggregate functions are not allowed here"));
        };
        // None within it.
        let of = match args {
            [] => None,
            [arg] => Some(self.expr(arg, scope)?),
            _ => return Err(PgError::unsupported("aggregates of several arguments")),
        };
        self.aggs = Some(outer);
        let given = of.as_ref().map_or(Type::Unknown, |of| of.ty);
        let missing = || {
            let text = format!("function {called}({}) does not exist", given.shown());
            PgError::new("42883", text)
        };
        if of.is_none() && !(star && called == "count") {
            return Err(missing());
        }
        let (kind, ty) = match called {
            "count" => (AggKind::Count, Type::Int8),
            "sum" => {
                let ty = match given {
                    Type::Int2 | Type::Int4 => Type::Int8,
                    Type::Int8 | Type::Numeric => Type::Numeric,
                    Type::Float8 => Type::Float8,
                    _ => return Err(missing()),
                };
                (AggKind::Sum(ty), ty)
            }
            "min" => (AggKind::Min, given),
            "max" => (AggKind::Max, given),
            "bool_and" if given == Type::Bool => (AggKind::BoolAnd, given),
            "bool_or" if given == Type::Bool => (AggKind::BoolOr, given),
            _ => return Err(missing()),
        };
        let aggs = self.aggs.get_or_insert_default();
        aggs.push(Agg { kind, of: of.map(|of| of.expr), distinct });
        Ok(Typed::new(Expr::Agg(aggs.len() - 1), ty))
    }
}

fn column_of(scope: &Scope<'_>, table: Option<&str>, name: &str) -> PgResult<Typed> {
    let (up, at, column) = scope.find(table, name)?;
    Ok(Typed::new(Expr::Column { up, at }, column.ty))
}

fn number(digits: &str) -> PgResult<(Value, Type)> {
    if let Ok(int) = digits.parse::<i64>() {
        let ty = if i32::try_from(int).is_ok() { Type::Int4 } else { Type::Int8 };
        return Ok((Value::Int(int), ty));
    }
    let decimal = Decimal::parse(digits);
    let decimal =
        decimal.ok_or_else(|| PgError::unsupported(format_args!("the number {digits}")))?;
    Ok((Value::Numeric(decimal), Type::Numeric))
}

/// A literal with its sign, so that the smallest integer can be written.
fn negative(inner: &Typed) -> PgResult<Option<Typed>> {
    Ok(match &inner.expr {
        Expr::Const(Value::Int(int)) => Some(Typed::new(Expr::Const(Value::Int(-int)), inner.ty)),
        Expr::Const(Value::Numeric(decimal)) => {
            let (value, ty) = match number(&format!("-{decimal}"))? {
                (value @ Value::Int(_), ty) => (value, ty),
                (value, _) => (value, Type::Numeric),
            };
            Some(Typed::new(Expr::Const(value), ty))
        }
        _ => None,
    })
}

fn is_null(inner: Typed) -> Typed {
    Typed::new(Expr::IsNull(Box::new(inner.expr)), Type::Bool)
}

fn not(inner: Typed) -> Typed {
    Typed::new(Expr::Not(Box::new(inner.expr)), Type::Bool)
}

fn not_if(negated: bool, inner: Typed) -> Typed {
    if negated { not(inner) } else { inner }
}
