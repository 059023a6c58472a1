//! Arithmetic and patterns.

use crate::error::{PgError, PgResult};
use crate::plan::Arith;
use crate::value::{Decimal, Type, Value, text};

/// Calculates in a type.
///
/// # Errors
/// 22012: a division by zero. 22003: the result has no room in the type.
pub(super) fn arith(op: Arith, ty: Type, left: &Value, right: &Value) -> PgResult<Value> {
    let overflow = || PgError::new("22003", format!("{} out of range", ty.shown()));
    let by_zero = || PgError::new("22012", "division by zero");
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => {
            if *b == 0 && matches!(op, Arith::Div | Arith::Rem) {
                return Err(by_zero());
            }
            let result = match op {
                Arith::Add => a.checked_add(*b),
                Arith::Sub => a.checked_sub(*b),
                Arith::Mul => a.checked_mul(*b),
                Arith::Div => a.checked_div(*b),
                Arith::Rem => Some(a.wrapping_rem(*b)),
            };
            text::in_range(result.ok_or_else(overflow)?, ty)
        }
        (Value::Float(a), Value::Float(b)) => {
            if *b == 0.0 && op == Arith::Div {
                return Err(by_zero());
            }
            Ok(Value::Float(match op {
                Arith::Add => a + b,
                Arith::Sub => a - b,
                Arith::Mul => a * b,
                Arith::Div => a / b,
                Arith::Rem => return Err(PgError::unsupported("% of double precision")),
            }))
        }
        (Value::Numeric(a), Value::Numeric(b)) => {
            if b.units == 0 && matches!(op, Arith::Div | Arith::Rem) {
                return Err(by_zero());
            }
            let result = match op {
                Arith::Add => a.add(*b),
                Arith::Sub => a.sub(*b),
                Arith::Mul => a.mul(*b),
                Arith::Div => a.div(*b),
                Arith::Rem => a.rem(*b),
            };
            result.map(Value::Numeric).ok_or_else(overflow)
        }
        // The constant that a sign stands before may not have been widened.
        (Value::Int(a), Value::Numeric(_)) => {
            arith(op, ty, &Value::Numeric(Decimal::from(*a)), right)
        }
        _ => Ok(Value::Null),
    }
}

/// Whether a text matches a pattern of `LIKE`, with the backslash to escape.
pub(super) fn like(text: &str, pattern: &str, fold: bool) -> bool {
    let chars = |text: &str| -> Vec<char> {
        if fold { text.to_lowercase().chars().collect() } else { text.chars().collect() }
    };
    matches(&chars(text), &chars(pattern))
}

fn matches(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|skipped| matches(&text[skipped..], rest)),
        ['_', rest @ ..] => !text.is_empty() && matches(&text[1..], rest),
        ['\\', literal, rest @ ..] | [literal, rest @ ..] => {
            text.first() == Some(literal) && matches(&text[1..], rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_like_has_them() {
        for (text, pattern, matches) in [
            ("lamp", "l%", true),
            ("lamp", "_amp", true),
            ("lamp", "L%", false),
            ("a_b", "a\\_b", true),
            ("axb", "a\\_b", false),
            ("", "%", true),
        ] {
            assert_eq!(like(text, pattern, false), matches, "{text} {pattern}");
        }
    }
}
