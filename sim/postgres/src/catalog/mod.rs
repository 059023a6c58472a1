//! What exists: databases, roles, tables.
//!
//! A table that was created or dropped by a transaction that still runs is so for that one only.
//! Roles and databases, and what an `ALTER` changes, are seen by others at once and taken back if
//! the transaction aborts; Postgres shows them to nobody before it commits. Absent: schemas
//! beside `public`, sequences, views, functions and triggers of one's own.

pub(crate) mod settings;
mod table;
pub(crate) mod views;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub(crate) use table::{Check, Column, ForeignKey, Table, Unique};

use crate::error::{PgError, PgResult};
use crate::options::Options;

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoleDef {
    pub(crate) name: String,
    pub(crate) superuser: bool,
    pub(crate) login: bool,
    pub(crate) password: Option<String>,
    /// The roles that it is a member of.
    pub(crate) member_of: BTreeSet<String>,
    /// What is set in its sessions.
    pub(crate) settings: BTreeMap<String, String>,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Database {
    pub(crate) id: u32,
    pub(crate) name: String,
}

/// What exists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    pub(crate) roles: BTreeMap<String, RoleDef>,
    pub(crate) databases: BTreeMap<u32, Database>,
    pub(crate) tables: BTreeMap<u32, Table>,
    /// Given to the next object; as in Postgres, the first of a user is 16384.
    pub(crate) next_oid: u32,
}

/// The roles that every server has, which membership in gives rights.
const PREDEFINED: [&str; 3] = ["pg_signal_backend", "pg_read_all_stats", "pg_monitor"];

impl RoleDef {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            superuser: false,
            login: false,
            password: None,
            member_of: BTreeSet::new(),
            settings: BTreeMap::new(),
        }
    }
}

impl Catalog {
    pub(crate) fn new(options: &Options) -> Self {
        let mut catalog = Self { next_oid: 16_384, ..Self::default() };
        for name in PREDEFINED {
            catalog.roles.insert(name.to_owned(), RoleDef::new(name));
        }
        for role in &options.roles {
            let def = RoleDef {
                superuser: role.superuser,
                login: role.login,
                password: role.password.clone(),
                ..RoleDef::new(&role.name)
            };
            catalog.roles.insert(role.name.clone(), def);
        }
        for name in &options.databases {
            let id = catalog.new_oid();
            catalog.databases.insert(id, Database { id, name: name.clone() });
        }
        catalog
    }

    pub(crate) fn new_oid(&mut self) -> u32 {
        self.next_oid += 1;
        self.next_oid - 1
    }

    pub(crate) fn database(&self, name: &str) -> Option<&Database> {
        self.databases.values().find(|database| database.name == name)
    }

    pub(crate) fn database_name(&self, id: u32) -> String {
        self.databases.get(&id).map(|database| database.name.clone()).unwrap_or_default()
    }

    /// A role, with 42704 if there is none.
    pub(crate) fn role(&self, name: &str) -> PgResult<&RoleDef> {
        let missing = || PgError::new("42704", format!("role \"{name}\" does not exist"));
        self.roles.get(name).ok_or_else(missing)
    }

    pub(crate) fn is_superuser(&self, role: &str) -> bool {
        self.roles.get(role).is_some_and(|role| role.superuser)
    }

    /// Whether a role has what another has.
    pub(crate) fn is_member(&self, role: &str, of: &str) -> bool {
        if role == of || self.is_superuser(role) {
            return true;
        }
        let Some(role) = self.roles.get(role) else { return false };
        role.member_of.iter().any(|between| self.is_member(between, of))
    }

    /// The table of that name that a transaction sees.
    pub(crate) fn table(
        &self,
        database: u32,
        name: &str,
        mine: &BTreeSet<u64>,
        running: &BTreeSet<u64>,
    ) -> Option<&Table> {
        let sees = |xid: &u64| mine.contains(xid) || !running.contains(xid);
        self.tables.values().find(|table| {
            table.database == database
                && table.name == name
                && sees(&table.created_by)
                && !table.dropped_by.as_ref().is_some_and(sees)
        })
    }

    /// Whether a role may do something to a table.
    pub(crate) fn may(&self, role: &str, privilege: &str, table: &Table) -> bool {
        self.is_member(role, &table.owner)
            || table.grants.iter().any(|(to, privileges)| {
                (to == "public" || self.is_member(role, to))
                    && (privileges.contains(privilege) || privileges.contains("all"))
            })
    }
}
