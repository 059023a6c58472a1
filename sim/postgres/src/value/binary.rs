//! Values in the binary format of the extended protocol: integers in network order, moments in
//! microseconds since 2000.

use bytes::{BufMut, BytesMut};

use super::{Decimal, Type, Value, text};
use crate::error::{PgError, PgResult};

/// Between the Unix epoch and that of Postgres, in microseconds.
const EPOCH: i64 = 946_684_800_000_000;

/// Writes a value that is not null.
#[allow(clippy::cast_possible_truncation, reason = "a value is in the range of its type")]
pub(crate) fn write(value: &Value, ty: Type, out: &mut BytesMut) {
    match (value, ty) {
        (Value::Bool(bool), _) => out.put_u8(u8::from(*bool)),
        (Value::Int(int), Type::Int2) => out.put_i16(*int as i16),
        (Value::Int(int), Type::Int8 | Type::Xid8) => out.put_i64(*int),
        (Value::Int(int), _) => out.put_i32(*int as i32),
        (Value::Float(float), _) => out.put_f64(*float),
        (Value::Numeric(decimal), _) => write_decimal(*decimal, out),
        (Value::Bytes(bytes), _) => out.put_slice(bytes),
        (Value::Timestamp(micros), _) => out.put_i64(micros - EPOCH),
        (Value::Uuid(bytes), _) => out.put_slice(bytes),
        (Value::Array(elements), ty) => {
            let element = if ty == Type::TextArray { Type::Text } else { Type::Int4 };
            out.put_i32(i32::from(!elements.is_empty()));
            out.put_i32(0);
            out.put_u32(element.oid());
            if !elements.is_empty() {
                out.put_i32(length(elements.len()));
                out.put_i32(1);
            }
            for value in elements {
                let mut bytes = BytesMut::new();
                write(value, element, &mut bytes);
                out.put_i32(length(bytes.len()));
                out.put_slice(&bytes);
            }
        }
        (value, ty) => out.put_slice(text::write(value, ty).as_bytes()),
    }
}

fn length(length: usize) -> i32 {
    i32::try_from(length).expect("no value is longer than a message can be")
}

/// Four decimal digits to a digit, as `numeric_send` has it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "digits are below 10000, and few"
)]
fn write_decimal(decimal: Decimal, out: &mut BytesMut) {
    let padded = decimal.rescale(decimal.scale.next_multiple_of(4)).unwrap_or(decimal);
    let mut rest = padded.units.unsigned_abs();
    let mut digits = Vec::new();
    while rest > 0 {
        digits.push((rest % 10_000) as i16);
        rest /= 10_000;
    }
    digits.reverse();
    let weight = digits.len() as i16 - 1 - (padded.scale / 4) as i16;
    out.put_i16(digits.len() as i16);
    out.put_i16(if digits.is_empty() { 0 } else { weight });
    out.put_u16(if decimal.units < 0 { 0x4000 } else { 0 });
    out.put_u16(decimal.scale as u16);
    for digit in digits {
        out.put_i16(digit);
    }
}

/// Reads a value of a type.
///
/// # Errors
/// 22P03: it is none.
pub(crate) fn read(bytes: &[u8], ty: Type) -> PgResult<Value> {
    let invalid =
        || PgError::new("22P03", format!("incorrect binary data format for type {}", ty.shown()));
    Ok(match ty {
        Type::Bool => Value::Bool(*bytes.first().ok_or_else(invalid)? != 0),
        Type::Int2 => {
            Value::Int(i16::from_be_bytes(bytes.try_into().map_err(|_| invalid())?).into())
        }
        Type::Int4 => {
            Value::Int(i32::from_be_bytes(bytes.try_into().map_err(|_| invalid())?).into())
        }
        Type::Oid | Type::Xid | Type::Regprocedure => {
            Value::Int(u32::from_be_bytes(bytes.try_into().map_err(|_| invalid())?).into())
        }
        Type::Int8 | Type::Xid8 => {
            Value::Int(i64::from_be_bytes(bytes.try_into().map_err(|_| invalid())?))
        }
        Type::Float8 => Value::Float(f64::from_be_bytes(bytes.try_into().map_err(|_| invalid())?)),
        Type::Timestamptz => {
            let micros = i64::from_be_bytes(bytes.try_into().map_err(|_| invalid())?);
            Value::Timestamp(micros.checked_add(EPOCH).ok_or_else(invalid)?)
        }
        Type::Uuid => Value::Uuid(bytes.try_into().map_err(|_| invalid())?),
        Type::Bytea => Value::Bytes(bytes.to_vec()),
        Type::Text | Type::Varchar | Type::Name | Type::Unknown | Type::Void => {
            Value::text(read_utf8(bytes)?)
        }
        Type::Numeric => read_decimal(bytes).map(Value::Numeric).ok_or_else(invalid)?,
        Type::Int4Array | Type::TextArray => {
            return Err(PgError::unsupported("parameters of array types"));
        }
    })
}

pub(crate) fn read_utf8(bytes: &[u8]) -> PgResult<String> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    text.map(ToOwned::to_owned)
        .ok_or_else(|| PgError::new("22021", "invalid byte sequence for encoding \"UTF8\""))
}

fn read_decimal(bytes: &[u8]) -> Option<Decimal> {
    let mut words = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (count, weight) = (words.next()?, words.next()?.cast_signed());
    let (sign, scale) = (words.next()?, u32::from(words.next()?));
    let mut units = 0_i128;
    for _ in 0..count {
        units = units.checked_mul(10_000)?.checked_add(i128::from(words.next()?))?;
    }
    // The last digit counts ten thousands to this power.
    let power = i32::from(weight) - i32::from(count) + 1;
    let whole = if power >= 0 {
        Decimal::new(units.checked_mul(10_000_i128.checked_pow(power.unsigned_abs())?)?, 0)
    } else {
        Decimal::new(units, power.unsigned_abs() * 4)
    };
    let whole = whole.rescale(scale)?;
    match sign {
        0 => Some(whole),
        0x4000 => Some(Decimal::new(-whole.units, scale)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let numeric = |text| Value::Numeric(Decimal::parse(text).unwrap());
        for (value, ty) in [
            (Value::Bool(true), Type::Bool),
            (Value::Int(-7), Type::Int2),
            (Value::Int(-7), Type::Int4),
            (Value::Int(i64::MIN), Type::Int8),
            (Value::Float(0.5), Type::Float8),
            (Value::Timestamp(1), Type::Timestamptz),
            (Value::Bytes(vec![0, 255]), Type::Bytea),
            (Value::text("ä"), Type::Text),
            (numeric("-1234567.0050"), Type::Numeric),
            (numeric("0.00001"), Type::Numeric),
            (numeric("120000"), Type::Numeric),
            (numeric("0"), Type::Numeric),
        ] {
            let mut bytes = BytesMut::new();
            write(&value, ty, &mut bytes);
            assert_eq!(read(&bytes, ty).unwrap(), value, "{value:?}");
            let text = text::write(&value, ty);
            assert_eq!(text::read(&text, ty).unwrap(), value, "{text}");
        }
    }
}
