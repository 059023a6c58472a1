//! Settings, roles in force, and channels.

use super::{Done, LISTENS, Session};
use crate::error::{PgError, PgResult};
use crate::plan::Field;
use crate::server::State;
use crate::sql::{Modes, SetTo};
use crate::value::{Type, Value};

impl Session {
    pub(super) fn set(&mut self, name: &str, value: &SetTo, local: bool) -> PgResult<Done> {
        if name == "role" || name == "session_authorization" {
            return Err(PgError::unsupported(format_args!("SET {name} in this form")));
        }
        match value {
            SetTo::Default => self.data.set(name, None, local)?,
            SetTo::Value(value) => self.data.set(name, Some(value), local)?,
        }
        Ok(Done::tag("SET"))
    }

    /// Lets the others see the session's `application_name`, which a statement, or its being
    /// rolled back, may have changed.
    pub(crate) fn publish_name(&self) {
        let Ok(mut state) = self.shared.alive() else { return };
        let name = self.data.settings.get("application_name").unwrap_or_default();
        if let Some(backend) = state.backends.get_mut(&self.data.pid)
            && backend.application_name != name
        {
            name.clone_into(&mut backend.application_name);
        }
    }

    pub(super) fn reset(&mut self, name: &str) -> PgResult<Done> {
        self.data.settings.reset(name, false)?;
        Ok(Done::tag("RESET"))
    }

    pub(super) fn show(&self, name: &str) -> PgResult<Done> {
        if name == "all" {
            return Err(PgError::unsupported("SHOW ALL"));
        }
        let value = self.data.show(&*self.shared.alive()?, name)?;
        let field = Field { name: name.to_owned(), ty: Type::Text, origin: (0, 0) };
        Ok(Done {
            tag: "SHOW".to_owned(),
            rows: Some((vec![field], vec![vec![Value::Text(value)]])),
        })
    }

    pub(super) fn set_role(&mut self, role: Option<&str>, local: bool) -> PgResult<Done> {
        if let Some(role) = role {
            let state = self.shared.alive()?;
            let user = self.data.session_user();
            state.catalog.role(role).map_err(|e| PgError::new("22023", e.message.clone()))?;
            if !state.catalog.is_member(&user, role) {
                let text = format!("permission denied to set role \"{role}\"");
                return Err(PgError::new("42501", text));
            }
        }
        self.data.settings.set("role", role.unwrap_or("none"), local)?;
        Ok(Done::tag("SET"))
    }

    pub(super) fn set_session_authorization(&mut self, role: Option<&str>) -> PgResult<Done> {
        let state = self.shared.alive()?;
        if let Some(role) = role {
            state.catalog.role(role)?;
            if role != self.data.login && !state.catalog.is_superuser(&self.data.login) {
                let text = format!("permission denied to set session authorization \"{role}\"");
                return Err(PgError::new("42501", text));
            }
        }
        drop(state);
        self.data.settings.set("session_authorization", role.unwrap_or_default(), false)?;
        self.data.settings.set("role", "none", false)?;
        Ok(Done::tag("SET"))
    }

    pub(super) fn set_characteristics(&mut self, modes: Modes) -> PgResult<Done> {
        let on_off = crate::catalog::settings::on_off;
        if let Some(isolation) = modes.isolation {
            let name = "default_transaction_isolation";
            self.data.settings.set(name, isolation.name(), false)?;
        }
        if let Some(read_only) = modes.read_only {
            let name = "default_transaction_read_only";
            self.data.settings.set(name, &on_off(read_only), false)?;
        }
        if let Some(deferrable) = modes.deferrable {
            let name = "default_transaction_deferrable";
            self.data.settings.set(name, &on_off(deferrable), false)?;
        }
        Ok(Done::tag("SET"))
    }

    pub(super) async fn set_constraints(
        &mut self,
        names: &[String],
        deferred: bool,
    ) -> PgResult<Done> {
        let xact = self.data.xact_mut();
        if names.is_empty() {
            xact.all_deferred = Some(deferred);
            xact.deferred.clear();
        } else {
            for name in names {
                let state = self.shared.alive()?;
                let mut tables = state.catalog.tables.values();
                let found = tables.find_map(|table| {
                    let mut keys = table.foreign_keys.iter();
                    let key = keys.find(|key| key.name == *name).map(|key| key.deferrable);
                    let mut uniques = table.uniques.iter();
                    key.or(uniques.find(|unique| unique.name == *name).map(|u| u.deferrable))
                });
                match found {
                    None => {
                        let text = format!("constraint \"{name}\" does not exist");
                        return Err(PgError::new("42704", text));
                    }
                    Some(false) => {
                        let text = format!("constraint \"{name}\" is not deferrable");
                        return Err(PgError::new("42809", text));
                    }
                    Some(true) => {}
                }
                drop(state);
                self.data.xact_mut().deferred.insert(name.clone(), deferred);
            }
        }
        if !deferred {
            self.check_constraints(false).await?;
        }
        Ok(Done::tag("SET CONSTRAINTS"))
    }

    pub(super) fn discard_all(&mut self) -> PgResult<Done> {
        self.data.settings.reset_all();
        self.data.settings.set("role", "none", false)?;
        self.data.settings.set("session_authorization", "", false)?;
        let mut state = self.shared.alive()?;
        let granted = state.locks.release_session(crate::locks::Owner::Backend(self.data.pid));
        state.wake(granted);
        if let Some(backend) = state.backends.get_mut(&self.data.pid) {
            backend.channels.clear();
        }
        Ok(Done::tag("DISCARD ALL"))
    }

    /// `LISTEN` and `UNLISTEN`, which take effect at the commit.
    pub(super) fn listen(&mut self, channel: Option<&str>, listen: bool) -> Done {
        let xact = self.data.xact_mut();
        xact.unpreparable = Some(LISTENS);
        xact.listens.push((channel.unwrap_or("*").to_owned(), listen));
        Done::tag(if listen { "LISTEN" } else { "UNLISTEN" })
    }

    pub(super) fn notify(&mut self, channel: &str, payload: &str) -> Done {
        let xact = self.data.xact_mut();
        xact.unpreparable = Some(LISTENS);
        let notify = (channel.to_owned(), payload.to_owned());
        // One transaction says the same thing once.
        if !xact.notifies.contains(&notify) {
            xact.notifies.push(notify);
        }
        Done::tag("NOTIFY")
    }
}

impl State {
    /// What a committed transaction had to do with channels.
    pub(super) fn publish(
        &mut self,
        pid: i32,
        database: u32,
        listens: &[(String, bool)],
        notifies: &[(String, String)],
    ) {
        if let Some(backend) = self.backends.get_mut(&pid) {
            for (channel, listen) in listens {
                backend.channels.retain(|known| known != channel && channel != "*");
                if *listen {
                    backend.channels.push(channel.clone());
                }
            }
        }
        let mut woken = Vec::new();
        for backend in self.backends.values_mut().filter(|b| b.database == database) {
            for (channel, payload) in notifies {
                if backend.channels.contains(channel) {
                    backend.notified.push((pid, channel.clone(), payload.clone()));
                    woken.push(backend.pid);
                }
            }
        }
        self.wake(woken);
    }
}
