//! Values as text: what the simple protocol sends, what literals are read from.

use super::{Decimal, Type, Value, time};
use crate::error::{PgError, PgResult};

/// The text of a value that is not null.
pub(crate) fn write(value: &Value, ty: Type) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "t".to_owned(),
        Value::Bool(false) => "f".to_owned(),
        Value::Int(int) if ty == Type::Xid8 => int.cast_unsigned().to_string(),
        Value::Int(int) if ty == Type::Regprocedure => {
            crate::plan::functions::signature_of(*int).unwrap_or_else(|| int.to_string())
        }
        Value::Int(int) => int.to_string(),
        Value::Float(float) => write_float(*float),
        Value::Numeric(decimal) => decimal.to_string(),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => bytes.iter().fold("\\x".to_owned(), |mut hex, byte| {
            use std::fmt::Write as _;
            let _infallible = write!(hex, "{byte:02x}");
            hex
        }),
        Value::Timestamp(micros) => time::write(*micros),
        Value::Uuid(bytes) => write_uuid(bytes),
        Value::Array(elements) => {
            let element = if ty == Type::TextArray { Type::Text } else { Type::Int4 };
            let texts: Vec<_> = elements.iter().map(|value| write(value, element)).collect();
            format!("{{{}}}", texts.join(","))
        }
    }
}

fn write_float(float: f64) -> String {
    if float.is_nan() {
        "NaN".to_owned()
    } else if float.is_infinite() {
        if float > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        float.to_string()
    }
}

fn write_uuid(bytes: &[u8; 16]) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(*bytes));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Reads a value of a type.
///
/// # Errors
/// 22P02 and its like: it is none.
pub(crate) fn read(text: &str, ty: Type) -> PgResult<Value> {
    let invalid = || {
        PgError::new(
            if ty == Type::Timestamptz { "22007" } else { "22P02" },
            format!("invalid input syntax for type {}: \"{text}\"", ty.shown()),
        )
    };
    let trimmed = text.trim();
    Ok(match ty {
        Type::Bool => Value::Bool(read_bool(trimmed).ok_or_else(invalid)?),
        Type::Int2 | Type::Int4 | Type::Int8 | Type::Oid | Type::Xid | Type::Regprocedure => {
            let int: i128 = trimmed.parse().map_err(|_| invalid())?;
            let int = i64::try_from(int).map_err(|_| out_of_range_text(text, ty))?;
            in_range(int, ty).map_err(|_| out_of_range_text(text, ty))?
        }
        Type::Xid8 => Value::xid(trimmed.parse::<u64>().map_err(|_| invalid())?),
        Type::Float8 => Value::Float(trimmed.parse().map_err(|_| invalid())?),
        Type::Numeric => Value::Numeric(Decimal::parse(trimmed).ok_or_else(invalid)?),
        Type::Text | Type::Varchar | Type::Name | Type::Unknown => Value::text(text),
        Type::Bytea => Value::Bytes(read_bytes(text).ok_or_else(invalid)?),
        Type::Timestamptz => Value::Timestamp(time::read(trimmed).ok_or_else(invalid)?),
        Type::Uuid => Value::Uuid(read_uuid(trimmed).ok_or_else(invalid)?),
        Type::Void => Value::text(""),
        Type::Int4Array | Type::TextArray => {
            return Err(PgError::unsupported("literals of arrays"));
        }
    })
}

fn out_of_range_text(text: &str, ty: Type) -> PgError {
    PgError::new("22003", format!("value \"{text}\" is out of range for type {}", ty.shown()))
}

/// An integer of a type.
///
/// # Errors
/// 22003: it has no room in it.
pub(crate) fn in_range(int: i64, ty: Type) -> PgResult<Value> {
    let fits = match ty {
        Type::Int2 => i16::try_from(int).is_ok(),
        Type::Int4 => i32::try_from(int).is_ok(),
        Type::Oid | Type::Xid | Type::Regprocedure => u32::try_from(int).is_ok(),
        _ => true,
    };
    let error = || PgError::new("22003", format!("{} out of range", ty.shown()));
    fits.then_some(Value::Int(int)).ok_or_else(error)
}

pub(crate) fn read_bool(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let is = |word: &str, least: usize| lower.len() >= least && word.starts_with(&lower);
    if is("true", 1) || is("yes", 1) || is("on", 2) || lower == "1" {
        Some(true)
    } else if is("false", 1) || is("no", 1) || is("off", 2) || lower == "0" {
        Some(false)
    } else {
        None
    }
}

fn read_bytes(text: &str) -> Option<Vec<u8>> {
    let Some(hex) = text.strip_prefix("\\x") else {
        return (!text.contains('\\')).then(|| text.as_bytes().to_vec());
    };
    read_hex(hex)
}

fn read_hex(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || !hex.is_ascii() {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

fn read_uuid(text: &str) -> Option<[u8; 16]> {
    let hex: String = text.chars().filter(|c| !matches!(c, '-' | '{' | '}')).collect();
    read_hex(&hex)?.try_into().ok()
}
