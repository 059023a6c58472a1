//! Calls of functions and of aggregates.
//!
//! Absent: windows, named arguments, and `FILTER`.

use sqlparser::ast;

use super::functions::{self, Func};
use super::operator::{coerce, unify};
use super::scope::Scope;
use super::{Agg, AggKind, Analyzer, Compare, Expr, Typed};
use crate::error::{PgError, PgResult};
use crate::sql::name;
use crate::value::{Type, Value};

impl Analyzer<'_> {
    pub(super) fn function(
        &mut self,
        function: &ast::Function,
        scope: &Scope<'_>,
    ) -> PgResult<Typed> {
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

    pub(super) fn call(&mut self, called: &str, args: Vec<Typed>) -> PgResult<Typed> {
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
        let found = self.aggs.get_or_insert_default();
        found.push(Agg { kind, of: of.map(|of| of.expr), distinct });
        Ok(Typed::new(Expr::Agg(found.len() - 1), ty))
    }
}
