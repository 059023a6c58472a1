//! Predicates that are not operators: `IS`, `IN`, `BETWEEN`, `LIKE`.

use sqlparser::ast;

use super::operator::{coerce, compare, unify};
use super::scope::Scope;
use super::{Analyzer, Compare, Expr, Typed, query};
use crate::error::{PgError, PgResult};
use crate::value::Type;

impl Analyzer<'_> {
    pub(super) fn is(
        &mut self,
        want: bool,
        expr: &ast::Expr,
        scope: &Scope<'_>,
    ) -> PgResult<Typed> {
        let inner = self.condition(expr, scope, "IS")?;
        Ok(Typed::new(Expr::Is(want, Box::new(inner)), Type::Bool))
    }

    pub(super) fn distinct(
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

    pub(super) fn is_in(
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

    pub(super) fn between(
        &mut self,
        expr: &ast::Expr,
        low: &ast::Expr,
        high: &ast::Expr,
        scope: &Scope<'_>,
    ) -> PgResult<Typed> {
        let value = self.expr(expr, scope)?;
        let (low, high) = (self.expr(low, scope)?, self.expr(high, scope)?);
        let above = compare(Compare::Ge, value.clone(), low, &mut self.params)?;
        let below = compare(Compare::Le, value, high, &mut self.params)?;
        let both = Expr::And(Box::new(above.expr), Box::new(below.expr));
        Ok(Typed::new(both, Type::Bool))
    }

    pub(super) fn like(
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
}

pub(super) fn is_null(inner: Typed) -> Typed {
    Typed::new(Expr::IsNull(Box::new(inner.expr)), Type::Bool)
}

pub(super) fn not(inner: Typed) -> Typed {
    Typed::new(Expr::Not(Box::new(inner.expr)), Type::Bool)
}

pub(super) fn not_if(negated: bool, inner: Typed) -> Typed {
    if negated { not(inner) } else { inner }
}
