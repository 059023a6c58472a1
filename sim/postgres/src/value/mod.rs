//! Values and their types.

pub(crate) mod binary;
pub(crate) mod decimal;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod types;

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

pub(crate) use decimal::Decimal;
pub(crate) use types::Type;

/// A row, or part of one.
pub(crate) type Row = Vec<Value>;

/// A value. Its type is known where it is used; every integer type is kept in the widest one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// Of any integer type, `oid`, `xid` and `xid8`.
    Int(i64),
    Float(f64),
    Numeric(Decimal),
    /// Of `text`, `varchar` and `name`.
    Text(String),
    Bytes(Vec<u8>),
    /// Microseconds since the Unix epoch.
    Timestamp(i64),
    Uuid([u8; 16]),
    Array(Vec<Value>),
}

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn xid(xid: u64) -> Self {
        Self::Int(xid.cast_signed())
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether a condition holds: null is not true.
    pub(crate) fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Int(_) => 1,
            Self::Float(_) => 2,
            Self::Numeric(_) => 3,
            Self::Text(_) => 4,
            Self::Bytes(_) => 5,
            Self::Timestamp(_) => 6,
            Self::Uuid(_) => 7,
            Self::Array(_) => 8,
            // Last, as `ORDER BY` has them.
            Self::Null => 9,
        }
    }
}

/// The order of an index and of `ORDER BY`; only values of one type are ever compared.
impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) | (Self::Timestamp(a), Self::Timestamp(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Numeric(a), Self::Numeric(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::Uuid(a), Self::Uuid(b)) => a.cmp(b),
            (Self::Array(a), Self::Array(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}
