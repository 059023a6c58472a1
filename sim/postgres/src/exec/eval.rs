//! Expressions.

use super::{Env, Evaluator, Stop, calculate, cast};
use crate::plan::{Compare, Expr, Query};
use crate::value::Value;

impl Evaluator<'_> {
    /// The value of an expression.
    pub(crate) fn eval(&mut self, expr: &Expr, env: &Env<'_>) -> Result<Value, Stop> {
        Ok(match expr {
            Expr::Const(value) => value.clone(),
            Expr::Param(at) => self.params.get(*at).cloned().unwrap_or(Value::Null),
            Expr::Column { up, at } => around(env, *up).row[*at].clone(),
            Expr::And(left, right) => match self.eval(left, env)? {
                Value::Bool(false) => Value::Bool(false),
                left => match (left, self.eval(right, env)?) {
                    (_, Value::Bool(false)) => Value::Bool(false),
                    (Value::Bool(true), Value::Bool(true)) => Value::Bool(true),
                    _ => Value::Null,
                },
            },
            Expr::Or(left, right) => match self.eval(left, env)? {
                Value::Bool(true) => Value::Bool(true),
                left => match (left, self.eval(right, env)?) {
                    (_, Value::Bool(true)) => Value::Bool(true),
                    (Value::Bool(false), Value::Bool(false)) => Value::Bool(false),
                    _ => Value::Null,
                },
            },
            Expr::Not(inner) => match self.eval(inner, env)? {
                Value::Bool(bool) => Value::Bool(!bool),
                _ => Value::Null,
            },
            Expr::Compare(op, left, right) => {
                let (left, right) = (self.eval(left, env)?, self.eval(right, env)?);
                compare(*op, &left, &right)
            }
            Expr::Arith(op, ty, left, right) => {
                let (left, right) = (self.eval(left, env)?, self.eval(right, env)?);
                calculate::arith(*op, *ty, &left, &right)?
            }
            Expr::Concat(left, right) => match (self.eval(left, env)?, self.eval(right, env)?) {
                (Value::Text(left), Value::Text(right)) => Value::Text(left + &right),
                _ => Value::Null,
            },
            Expr::IsNull(inner) => Value::Bool(self.eval(inner, env)?.is_null()),
            Expr::Is(want, inner) => {
                Value::Bool(matches!(self.eval(inner, env)?, Value::Bool(bool) if bool == *want))
            }
            Expr::IsDistinct(left, right) => {
                Value::Bool(self.eval(left, env)? != self.eval(right, env)?)
            }
            Expr::Case { branches, otherwise } => {
                for (condition, result) in branches {
                    if self.eval(condition, env)?.is_true() {
                        return self.eval(result, env);
                    }
                }
                self.eval(otherwise, env)?
            }
            Expr::Coalesce(all) => {
                for one in all {
                    let value = self.eval(one, env)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                Value::Null
            }
            Expr::Extreme { greatest, of } => {
                let values = self.all(of, env)?.into_iter().filter(|value| !value.is_null());
                let found = if *greatest { values.max() } else { values.min() };
                found.unwrap_or(Value::Null)
            }
            Expr::InList(inner, list) => {
                let value = self.eval(inner, env)?;
                is_in(&value, &self.all(list, env)?)
            }
            Expr::InQuery(inner, query) => {
                let value = self.eval(inner, env)?;
                let rows = self.query(query, Some(env))?;
                let list: Vec<_> = rows.into_iter().map(|mut row| row.remove(0)).collect();
                is_in(&value, &list)
            }
            Expr::Like { text, pattern, fold } => {
                match (self.eval(text, env)?, self.eval(pattern, env)?) {
                    (Value::Text(text), Value::Text(pattern)) => {
                        Value::Bool(calculate::like(&text, &pattern, *fold))
                    }
                    _ => Value::Null,
                }
            }
            Expr::Cast { expr, from, to } => {
                let value = self.eval(expr, env)?;
                cast::cast(value, *from, *to)?
            }
            Expr::Call { func, args, types } => {
                let args = self.all(args, env)?;
                self.call(*func, &args, types)?
            }
            Expr::Exists(query) => Value::Bool(!self.query(query, Some(env))?.is_empty()),
            Expr::Scalar(query) => self.scalar(query, env)?,
            Expr::Agg(at) => env.aggs[*at].clone(),
        })
    }

    fn all(&mut self, exprs: &[Expr], env: &Env<'_>) -> Result<Vec<Value>, Stop> {
        exprs.iter().map(|expr| self.eval(expr, env)).collect()
    }

    /// Whether a condition holds of a row.
    pub(crate) fn holds(&mut self, condition: Option<&Expr>, env: &Env<'_>) -> Result<bool, Stop> {
        match condition {
            Some(condition) => Ok(self.eval(condition, env)?.is_true()),
            None => Ok(true),
        }
    }

    fn scalar(&mut self, query: &Query, env: &Env<'_>) -> Result<Value, Stop> {
        let mut rows = self.query(query, Some(env))?;
        match rows.len() {
            0 => Ok(Value::Null),
            1 => Ok(rows.remove(0).remove(0)),
            _ => Err(Stop::Error(crate::error::PgError::new(
                "21000",
                "more than one row returned by a subquery used as an expression",
            ))),
        }
    }
}

/// The rows that are so many levels up.
fn around<'a>(mut env: &'a Env<'a>, up: usize) -> &'a Env<'a> {
    for _ in 0..up {
        env = env.outer.expect("the analyzer counted the levels");
    }
    env
}

fn compare(op: Compare, left: &Value, right: &Value) -> Value {
    if left.is_null() || right.is_null() {
        return Value::Null;
    }
    let order = left.cmp(right);
    Value::Bool(match op {
        Compare::Eq => order.is_eq(),
        Compare::Ne => order.is_ne(),
        Compare::Lt => order.is_lt(),
        Compare::Le => order.is_le(),
        Compare::Gt => order.is_gt(),
        Compare::Ge => order.is_ge(),
    })
}

fn is_in(value: &Value, list: &[Value]) -> Value {
    if list.is_empty() {
        return Value::Bool(false);
    }
    if value.is_null() {
        return Value::Null;
    }
    if list.contains(value) {
        Value::Bool(true)
    } else if list.iter().any(Value::is_null) {
        Value::Null
    } else {
        Value::Bool(false)
    }
}
