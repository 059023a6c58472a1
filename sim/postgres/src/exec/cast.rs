//! Conversions between types.

use crate::error::{PgError, PgResult};
use crate::value::{Decimal, Type, Value, text};

/// Converts a value.
///
/// # Errors
/// It has no counterpart (22003, 22P02), or the types have none (42846).
pub(crate) fn cast(value: Value, from: Type, to: Type) -> PgResult<Value> {
    let overflow = || PgError::new("22003", format!("{} out of range", to.shown()));
    Ok(match (value, to) {
        (Value::Null, _) => Value::Null,
        (value, to) if from == to => value,
        (Value::Text(literal), to) => text::read(&literal, to)?,
        (Value::Bool(bool), to) if to.is_string() => {
            Value::text(if bool { "true" } else { "false" })
        }
        (value, to) if to.is_string() => Value::Text(text::write(&value, from)),
        (Value::Int(int), to) if to.is_kept_as_int() => text::in_range(int, to)?,
        (Value::Int(int), Type::Numeric) => Value::Numeric(Decimal::from(int)),
        #[allow(clippy::cast_precision_loss, reason = "that is what this conversion does")]
        (Value::Int(int), Type::Float8) => Value::Float(int as f64),
        (Value::Int(int), Type::Bool) => Value::Bool(int != 0),
        (Value::Bool(bool), Type::Int4) => Value::Int(bool.into()),
        (Value::Numeric(decimal), to) if to.is_integer() => {
            let whole = decimal.rescale(0).ok_or_else(overflow)?;
            text::in_range(i64::try_from(whole.units).map_err(|_| overflow())?, to)?
        }
        (Value::Numeric(decimal), Type::Float8) => Value::Float(decimal.to_f64()),
        (Value::Float(float), Type::Numeric) => {
            Value::Numeric(Decimal::parse(&float.to_string()).ok_or_else(overflow)?)
        }
        (Value::Float(float), to) if to.is_integer() => {
            let rounded = Decimal::parse(&float.round_ties_even().to_string());
            let int = rounded.and_then(|decimal| i64::try_from(decimal.units).ok());
            text::in_range(int.ok_or_else(overflow)?, to)?
        }
        _ => {
            let (from, to) = (from.shown(), to.shown());
            return Err(PgError::new("42846", format!("cannot cast type {from} to {to}")));
        }
    })
}
