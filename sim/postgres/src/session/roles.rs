//! Roles, databases, and who may do what.

use super::{Done, Session, SessionData};
use crate::catalog::{Database, RoleDef, settings};
use crate::error::{PgError, PgResult};
use crate::server::State;
use crate::sql::RoleOptions;
use crate::wal::Change;

impl Session {
    fn superuser_only(&self, state: &State, what: &str) -> PgResult<()> {
        if state.catalog.is_superuser(&self.data.current_user()) {
            return Ok(());
        }
        Err(PgError::new("42501", format!("permission denied to {what}")))
    }

    pub(super) fn create_role(&mut self, name: &str, options: &RoleOptions) -> PgResult<Done> {
        let mut state = self.shared.alive()?;
        self.superuser_only(&state, "create role")?;
        if state.catalog.roles.contains_key(name) {
            return Err(PgError::new("42710", format!("role \"{name}\" already exists")));
        }
        let role = with(RoleDef::new(name), options);
        self.data.change(&mut state, Change::CreateRole(role));
        Ok(Done::tag("CREATE ROLE"))
    }

    pub(super) fn alter_role(&mut self, name: &str, options: &RoleOptions) -> PgResult<Done> {
        self.change_role(name, |role| {
            *role = with(role.clone(), options);
            Ok(())
        })?;
        Ok(Done::tag("ALTER ROLE"))
    }

    pub(super) fn alter_role_set(
        &mut self,
        name: &str,
        setting: &str,
        value: Option<&str>,
    ) -> PgResult<Done> {
        self.change_role(name, |role| {
            match value {
                Some(value) => {
                    let value = settings::check(setting, value)?;
                    role.settings.insert(setting.to_owned(), value);
                }
                None => {
                    role.settings.remove(setting);
                }
            }
            Ok(())
        })?;
        Ok(Done::tag("ALTER ROLE"))
    }

    pub(super) fn grant_role(&mut self, role: &str, to: &str, grant: bool) -> PgResult<Done> {
        self.shared.alive()?.catalog.role(role)?;
        self.change_role(to, |member| {
            if grant {
                member.member_of.insert(role.to_owned());
            } else {
                member.member_of.remove(role);
            }
            Ok(())
        })?;
        Ok(Done::tag(if grant { "GRANT ROLE" } else { "REVOKE ROLE" }))
    }

    fn change_role(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut RoleDef) -> PgResult<()>,
    ) -> PgResult<()> {
        let mut state = self.shared.alive()?;
        self.superuser_only(&state, "alter role")?;
        let before = state.catalog.role(name)?.clone();
        let mut after = before.clone();
        change(&mut after)?;
        self.data.change(&mut state, Change::AlterRole { before, after });
        Ok(())
    }

    pub(super) fn drop_role(&mut self, name: &str, if_exists: bool) -> PgResult<Done> {
        let mut state = self.shared.alive()?;
        self.superuser_only(&state, "drop role")?;
        match state.catalog.role(name).cloned() {
            Ok(role) => {
                let owns = state
                    .catalog
                    .tables
                    .values()
                    .any(|table| table.owner == name || table.grants.contains_key(name));
                if owns {
                    let text = format!(
                        "role \"{name}\" cannot be dropped because some objects depend on it"
                    );
                    return Err(PgError::new("2BP01", text));
                }
                self.data.change(&mut state, Change::DropRole(role));
            }
            Err(_) if if_exists => {
                let text = format!("role \"{name}\" does not exist, skipping");
                self.data.notices.push(PgError::notice("00000", text));
            }
            Err(error) => return Err(error),
        }
        Ok(Done::tag("DROP ROLE"))
    }

    /// Privileges on tables.
    pub(super) fn grant(
        &mut self,
        tables: &[String],
        privileges: &[String],
        roles: &[String],
        grant: bool,
    ) -> PgResult<Done> {
        let mut state = self.shared.alive()?;
        for privilege in privileges {
            let known = ["select", "insert", "update", "delete", "references", "all"];
            if !known.contains(&privilege.as_str()) {
                return Err(PgError::unsupported(format_args!("the privilege {privilege}")));
            }
        }
        for name in tables {
            let before = self.data.owned_table(&state, name)?;
            let mut after = before.clone();
            for role in roles {
                if role != "public" {
                    state.catalog.role(role)?;
                }
                let held = after.grants.entry(role.clone()).or_default();
                for privilege in privileges {
                    if grant {
                        held.insert(privilege.clone());
                    } else if privilege == "all" {
                        held.clear();
                    } else {
                        held.remove(privilege);
                    }
                }
            }
            self.data.change(&mut state, Change::AlterTable { before, after });
        }
        Ok(Done::tag(if grant { "GRANT" } else { "REVOKE" }))
    }

    pub(super) fn create_database(&mut self, name: &str) -> PgResult<Done> {
        let mut state = self.shared.alive()?;
        self.superuser_only(&state, "create database")?;
        if state.catalog.database(name).is_some() {
            return Err(PgError::new("42P04", format!("database \"{name}\" already exists")));
        }
        let id = state.catalog.new_oid();
        let database = Database { id, name: name.to_owned() };
        self.data.change(&mut state, Change::CreateDatabase(database));
        Ok(Done::tag("CREATE DATABASE"))
    }

    /// Not while anybody is in it, nor while something of it is prepared.
    pub(super) fn drop_database(&mut self, name: &str, if_exists: bool) -> PgResult<Done> {
        let mut state = self.shared.alive()?;
        self.superuser_only(&state, "drop database")?;
        let Some(database) = state.catalog.database(name).cloned() else {
            if if_exists {
                let text = format!("database \"{name}\" does not exist, skipping");
                self.data.notices.push(PgError::notice("00000", text));
                return Ok(Done::tag("DROP DATABASE"));
            }
            return Err(PgError::new("3D000", format!("database \"{name}\" does not exist")));
        };
        if database.id == self.data.database {
            return Err(PgError::new("55006", "cannot drop the currently open database"));
        }
        let sessions = state.backends.values().filter(|b| b.database == database.id).count();
        let prepared =
            state.prepared.values().filter(|g| g.prepared.work.database == database.id).count();
        // As `errdetail_busy_db` has it.
        let detail = match (sessions, prepared) {
            (0, 0) => None,
            (0, 1) => Some("There is 1 prepared transaction".to_owned()),
            (0, many) => Some(format!("There are {many} prepared transactions")),
            (1, 0) => Some("There is 1 other session".to_owned()),
            (many, 0) => Some(format!("There are {many} other sessions")),
            (sessions, prepared) => Some(format!(
                "There are {sessions} other session(s) and {prepared} prepared transaction(s)"
            )),
        };
        if let Some(detail) = detail {
            let text = format!("database \"{name}\" is being accessed by other users");
            let detail = format!("{detail} using the database.");
            return Err(PgError::new("55006", text).detail(detail));
        }
        self.data.change(&mut state, Change::DropDatabase(database));
        Ok(Done::tag("DROP DATABASE"))
    }
}

impl SessionData {
    fn owned_table(&self, state: &State, name: &str) -> PgResult<crate::catalog::Table> {
        let last = name.rsplit('.').next().unwrap_or(name);
        let xact = self.xact();
        let table = state.catalog.table(self.database, last, &xact.mine, &state.running);
        let missing = || PgError::new("42P01", format!("relation \"{name}\" does not exist"));
        let table = table.ok_or_else(missing)?;
        if !state.catalog.is_member(&self.current_user(), &table.owner) {
            let text = format!("permission denied for table {last}");
            return Err(PgError::new("42501", text));
        }
        Ok(table.clone())
    }
}

fn with(role: RoleDef, options: &RoleOptions) -> RoleDef {
    RoleDef {
        login: options.login.unwrap_or(role.login),
        superuser: options.superuser.unwrap_or(role.superuser),
        password: options.password.clone().or(role.password),
        ..role
    }
}
