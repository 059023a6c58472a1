//! Literals and parameters.

use sqlparser::ast;

use super::{Analyzer, Expr, Typed};
use crate::error::{PgError, PgResult};
use crate::value::{Decimal, Type, Value};

impl Analyzer<'_> {
    pub(super) fn literal(&mut self, value: &ast::Value) -> PgResult<Typed> {
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
pub(super) fn negative(inner: &Typed) -> PgResult<Option<Typed>> {
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
