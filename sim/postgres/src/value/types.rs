//! The types that there are, by the names and numbers that Postgres gives them (`pg_type`).

use serde::{Deserialize, Serialize};
use sqlparser::ast::DataType;

use crate::error::{PgError, PgResult};
use crate::sql::name;

/// A type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Type {
    /// Of a literal or a parameter whose use has not settled its type yet.
    Unknown,
    Bool,
    Int2,
    Int4,
    Int8,
    Float8,
    Numeric,
    Text,
    Varchar,
    Name,
    Bytea,
    Oid,
    Xid,
    Xid8,
    Timestamptz,
    Uuid,
    Regprocedure,
    Void,
    Int4Array,
    TextArray,
}

/// Type, name in the catalog, name as shown in messages, oid, size.
const TYPES: &[(Type, &str, &str, u32, i16)] = &[
    (Type::Unknown, "unknown", "unknown", 705, -2),
    (Type::Bool, "bool", "boolean", 16, 1),
    (Type::Int2, "int2", "smallint", 21, 2),
    (Type::Int4, "int4", "integer", 23, 4),
    (Type::Int8, "int8", "bigint", 20, 8),
    (Type::Float8, "float8", "double precision", 701, 8),
    (Type::Numeric, "numeric", "numeric", 1700, -1),
    (Type::Text, "text", "text", 25, -1),
    (Type::Varchar, "varchar", "character varying", 1043, -1),
    (Type::Name, "name", "name", 19, 64),
    (Type::Bytea, "bytea", "bytea", 17, -1),
    (Type::Oid, "oid", "oid", 26, 4),
    (Type::Xid, "xid", "xid", 28, 4),
    (Type::Xid8, "xid8", "xid8", 5069, 8),
    (Type::Timestamptz, "timestamptz", "timestamp with time zone", 1184, 8),
    (Type::Uuid, "uuid", "uuid", 2950, 16),
    (Type::Regprocedure, "regprocedure", "regprocedure", 2202, 4),
    (Type::Void, "void", "void", 2278, 4),
    (Type::Int4Array, "_int4", "integer[]", 1007, -1),
    (Type::TextArray, "_text", "text[]", 1009, -1),
];

impl Type {
    fn entry(self) -> &'static (Self, &'static str, &'static str, u32, i16) {
        TYPES.iter().find(|entry| entry.0 == self).expect("every type is in the table")
    }

    pub(crate) fn oid(self) -> u32 {
        self.entry().3
    }

    pub(crate) fn size(self) -> i16 {
        self.entry().4
    }

    /// The name that messages use.
    pub(crate) fn shown(self) -> &'static str {
        self.entry().2
    }

    /// The name in the catalog, after which a column of a cast is called.
    pub(crate) fn typname(self) -> &'static str {
        self.entry().1
    }

    pub(crate) fn from_oid(oid: u32) -> PgResult<Self> {
        let found = TYPES.iter().find(|entry| entry.3 == oid);
        found
            .map(|entry| entry.0)
            .ok_or_else(|| PgError::unsupported(format_args!("the type with oid {oid}")))
    }

    /// By a name as it is written in SQL.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = match name {
            "int" => "int4",
            "regproc" => "regprocedure",
            "decimal" => "numeric",
            name => name,
        };
        TYPES.iter().find(|entry| entry.1 == name || entry.2 == name).map(|entry| entry.0)
    }

    /// What the parser read as a type, and the longest text that it takes.
    pub(crate) fn parse(written: &DataType) -> PgResult<(Self, Option<u64>)> {
        use sqlparser::ast::{CharacterLength, ExactNumberInfo, TimezoneInfo};
        let length = |length: &Option<CharacterLength>| match length {
            Some(CharacterLength::IntegerLength { length, .. }) => Some(*length),
            _ => None,
        };
        let plain = match written {
            DataType::Varchar(limit)
            | DataType::CharacterVarying(limit)
            | DataType::CharVarying(limit) => return Ok((Self::Varchar, length(limit))),
            DataType::Bool | DataType::Boolean => Self::Bool,
            DataType::SmallInt(None) | DataType::Int2(None) => Self::Int2,
            DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => Self::Int4,
            DataType::BigInt(None) | DataType::Int8(None) => Self::Int8,
            DataType::Float8 | DataType::DoublePrecision => Self::Float8,
            DataType::Numeric(ExactNumberInfo::None) | DataType::Decimal(ExactNumberInfo::None) => {
                Self::Numeric
            }
            DataType::Text => Self::Text,
            DataType::Bytea => Self::Bytea,
            DataType::Uuid => Self::Uuid,
            DataType::TimestampNtz(_) => return Err(PgError::unsupported("the type timestamp")),
            DataType::Timestamp(None, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => {
                Self::Timestamptz
            }
            DataType::Custom(path, modifiers) if modifiers.is_empty() => {
                let (schema, last) = name(path)?;
                let known = schema.is_none_or(|schema| schema == "pg_catalog");
                match Self::named(&last).filter(|_| known) {
                    Some(found) => found,
                    None => {
                        return Err(PgError::unsupported(format_args!("the type {written}")));
                    }
                }
            }
            other => return Err(PgError::unsupported(format_args!("the type {other}"))),
        };
        Ok((plain, None))
    }

    /// Whether its values are integers.
    pub(crate) fn is_integer(self) -> bool {
        matches!(self, Self::Int2 | Self::Int4 | Self::Int8)
    }

    pub(crate) fn is_number(self) -> bool {
        self.is_integer() || matches!(self, Self::Numeric | Self::Float8)
    }

    /// Whether its values are texts.
    pub(crate) fn is_string(self) -> bool {
        matches!(self, Self::Text | Self::Varchar | Self::Name)
    }

    /// Whether its values are kept as integers, also those that are no numbers.
    pub(crate) fn is_kept_as_int(self) -> bool {
        self.is_integer() || matches!(self, Self::Oid | Self::Xid | Self::Xid8 | Self::Regprocedure)
    }

    /// The wider of two, where one converts to the other by itself.
    pub(crate) fn common(self, other: Self) -> Option<Self> {
        const WIDENING: [Type; 5] =
            [Type::Int2, Type::Int4, Type::Int8, Type::Numeric, Type::Float8];
        if self == other || other == Self::Unknown {
            return Some(self);
        }
        if self == Self::Unknown {
            return Some(other);
        }
        if self.is_string() && other.is_string() {
            return Some(Self::Text);
        }
        let is_id = |ty| matches!(ty, Self::Oid | Self::Regprocedure | Self::Xid);
        if is_id(self) && (other.is_integer() || is_id(other)) {
            return Some(self);
        }
        if is_id(other) && self.is_integer() {
            return Some(other);
        }
        let rank = |ty| WIDENING.iter().position(|wider| *wider == ty);
        Some(WIDENING[rank(self)?.max(rank(other)?)])
    }

    /// Whether a value of this type may be stored in a column of that one.
    pub(crate) fn assigns_to(self, column: Self) -> bool {
        self == column
            || self == Self::Unknown
            || (self.is_number() && column.is_number())
            || (column.is_string() && self != Self::Void)
            || (self.is_integer() && column == Self::Oid)
    }
}
