//! A table: its columns and what must hold of its rows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::value::Type;

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) id: u32,
    pub(crate) database: u32,
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) uniques: Vec<Unique>,
    pub(crate) checks: Vec<Check>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
    /// Privileges by role.
    pub(crate) grants: BTreeMap<String, BTreeSet<String>>,
    /// The transaction that created it, and the one that dropped it or is about to.
    pub(crate) created_by: u64,
    pub(crate) dropped_by: Option<u64>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// The most characters of a `varchar(n)`.
    pub(crate) limit: Option<u64>,
    pub(crate) not_null: bool,
    /// As SQL, since it is analysed where it is used.
    pub(crate) default: Option<String>,
}

/// A primary key or another unique constraint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unique {
    pub(crate) name: String,
    pub(crate) columns: Vec<usize>,
    pub(crate) primary: bool,
    pub(crate) deferrable: bool,
    pub(crate) deferred: bool,
}

/// A condition on each row, as SQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) sql: String,
}

/// A reference to rows of a table, without an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ForeignKey {
    pub(crate) name: String,
    pub(crate) columns: Vec<usize>,
    pub(crate) target: u32,
    pub(crate) target_columns: Vec<usize>,
    pub(crate) deferrable: bool,
    pub(crate) deferred: bool,
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The columns whose change is the change of a key, which even a reference keeps out.
    pub(crate) fn key_columns(&self) -> BTreeSet<usize> {
        let unique = self.uniques.iter().filter(|unique| !unique.deferrable);
        unique.flat_map(|unique| unique.columns.iter().copied()).collect()
    }
}
