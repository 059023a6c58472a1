//! Configuration parameters, and what a session and a transaction have set.
//!
//! What is set in a transaction goes with it if it aborts; what is set locally goes in either
//! case. Absent: units of size, files, and what differs between databases.

use std::collections::BTreeMap;

use crate::error::{PgError, PgResult};
use crate::value::text::read_bool;
use crate::xact::Isolation;

/// What a session has set, over what holds by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Of the server, the role and the connection.
    base: BTreeMap<String, String>,
    session: BTreeMap<String, String>,
    local: BTreeMap<String, String>,
    /// Of the session when its transaction began.
    before: BTreeMap<String, String>,
    /// Counted up with every change.
    version: u64,
}

/// What kind of value a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Milliseconds,
    Int,
    Text,
    Isolation,
    SynchronousCommit,
    DateStyle,
    Utc,
    Utf8,
    /// Not to be set.
    Fixed,
}

/// Name, default and kind, by name. What the host sets up stands in place of the default.
const PARAMETERS: &[(&str, &str, Kind)] = &[
    ("application_name", "", Kind::Text),
    ("bytea_output", "hex", Kind::Fixed),
    ("client_encoding", "UTF8", Kind::Utf8),
    ("client_min_messages", "notice", Kind::Text),
    ("datestyle", "ISO, MDY", Kind::DateStyle),
    ("deadlock_timeout", "1000", Kind::Milliseconds),
    ("default_transaction_deferrable", "off", Kind::Bool),
    ("default_transaction_isolation", "read committed", Kind::Isolation),
    ("default_transaction_read_only", "off", Kind::Bool),
    ("extra_float_digits", "1", Kind::Int),
    ("idle_in_transaction_session_timeout", "0", Kind::Milliseconds),
    ("idle_session_timeout", "0", Kind::Milliseconds),
    ("integer_datetimes", "on", Kind::Fixed),
    ("intervalstyle", "postgres", Kind::Fixed),
    ("is_superuser", "off", Kind::Fixed),
    ("lock_timeout", "0", Kind::Milliseconds),
    ("max_connections", "100", Kind::Fixed),
    ("max_prepared_transactions", "0", Kind::Fixed),
    ("role", "none", Kind::Text),
    ("search_path", "\"$user\", public", Kind::Text),
    ("server_encoding", "UTF8", Kind::Fixed),
    ("server_version", "", Kind::Fixed),
    ("server_version_num", "", Kind::Fixed),
    ("session_authorization", "", Kind::Text),
    ("standard_conforming_strings", "on", Kind::Bool),
    ("statement_timeout", "0", Kind::Milliseconds),
    ("synchronous_commit", "on", Kind::SynchronousCommit),
    ("timezone", "UTC", Kind::Utc),
];

/// Those that a client is told of at the start and whenever they change, as they are written.
pub(crate) const REPORTED: &[&str] = &[
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

/// Default and kind of a parameter.
fn known(name: &str) -> Option<(&'static str, Kind)> {
    let found = PARAMETERS.binary_search_by(|(known, ..)| (*known).cmp(name));
    found.ok().map(|at| (PARAMETERS[at].1, PARAMETERS[at].2))
}

fn parameter(name: &str) -> PgResult<Kind> {
    if let Some((_, kind)) = known(name) {
        return Ok(kind);
    }
    // A name with a dot is somebody's own, and needs no declaration.
    if name.contains('.') {
        return Ok(Kind::Text);
    }
    Err(unknown(name))
}

fn unknown(name: &str) -> PgError {
    PgError::new("42704", format!("unrecognized configuration parameter \"{name}\""))
}

impl Settings {
    pub(crate) fn new(base: BTreeMap<String, String>) -> Self {
        Self { base, ..Self::default() }
    }

    /// Another number than before if anything may have changed.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The value as it is kept, milliseconds as a number; none if there is none of the name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.local.get(name).or_else(|| self.session.get(name));
        let found = found.or_else(|| self.base.get(name)).map(String::as_str);
        found.or_else(|| known(name).map(|(default, _)| default))
    }

    /// A copy of the value as it is kept.
    ///
    /// # Errors
    /// 42704: there is none of the name.
    pub(crate) fn raw(&self, name: &str) -> PgResult<String> {
        self.get(name).map(ToOwned::to_owned).ok_or_else(|| unknown(name))
    }

    /// The value as it is shown.
    pub(crate) fn show(&self, name: &str) -> PgResult<String> {
        let raw = self.raw(name)?;
        let is_time = parameter(name)? == Kind::Milliseconds;
        Ok(if is_time { show_milliseconds(&raw) } else { raw })
    }

    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.get(name) == Some("on")
    }

    pub(crate) fn milliseconds(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok().filter(|ms| *ms > 0)
    }

    pub(crate) fn isolation(&self) -> Isolation {
        let name = self.get("default_transaction_isolation").unwrap_or_default();
        Isolation::named(name).ok().flatten().unwrap_or(Isolation::ReadCommitted)
    }

    /// Sets a parameter.
    ///
    /// # Errors
    /// 42704: there is none of the name. 22023: it does not take the value. 55P02: it cannot be
    /// changed.
    pub(crate) fn set(&mut self, name: &str, value: &str, local: bool) -> PgResult<()> {
        let value = check(name, value)?;
        self.version += 1;
        if local {
            self.local.insert(name.to_owned(), value);
        } else {
            self.local.remove(name);
            self.session.insert(name.to_owned(), value);
        }
        Ok(())
    }

    /// Sets what only the server itself changes.
    pub(crate) fn set_fixed(&mut self, name: &str, value: &str) {
        self.version += 1;
        self.base.insert(name.to_owned(), value.to_owned());
    }

    /// Sets what holds where nothing else is said.
    pub(crate) fn set_default(&mut self, name: &str, value: &str) {
        self.version += 1;
        self.base.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }

    /// Back to what held when the session began.
    pub(crate) fn reset(&mut self, name: &str, local: bool) -> PgResult<()> {
        parameter(name)?;
        self.version += 1;
        if local {
            let value = self.base.get(name).cloned();
            let value = value.or(known(name).map(|(default, _)| default.to_owned()));
            self.local.insert(name.to_owned(), value.unwrap_or_default());
        } else {
            self.local.remove(name);
            if name.contains('.') && self.session.contains_key(name) {
                // What was defined by being set stays defined, and is empty.
                self.session.insert(name.to_owned(), String::new());
            } else {
                self.session.remove(name);
            }
        }
        Ok(())
    }

    pub(crate) fn reset_all(&mut self) {
        self.version += 1;
        let names: Vec<_> = self.local.keys().chain(self.session.keys()).cloned().collect();
        for name in names {
            if name.contains('.') {
                self.local.remove(&name);
                self.session.insert(name, String::new());
            } else {
                self.local.remove(&name);
                self.session.remove(&name);
            }
        }
    }

    pub(crate) fn begin(&mut self) {
        self.before = self.session.clone();
    }

    /// What was local is over; of somebody's own parameters, a trace stays: they are empty now,
    /// and no longer unknown.
    pub(crate) fn commit(&mut self) {
        self.version += u64::from(!self.local.is_empty());
        for name in std::mem::take(&mut self.local).into_keys() {
            if name.contains('.') {
                self.session.entry(name).or_default();
            }
        }
    }

    pub(crate) fn abort(&mut self) {
        self.version += 1;
        let custom = self.local.keys().chain(self.session.keys());
        let custom: Vec<_> = custom.filter(|name| name.contains('.')).cloned().collect();
        self.session = std::mem::take(&mut self.before);
        self.local.clear();
        for name in custom {
            self.session.entry(name).or_default();
        }
    }

    /// Back to a savepoint.
    pub(crate) fn restore(&mut self, saved: &Self) {
        self.version += 1;
        self.session.clone_from(&saved.session);
        self.local.clone_from(&saved.local);
    }
}

/// A value in the form in which it is kept.
pub(crate) fn check(name: &str, value: &str) -> PgResult<String> {
    let invalid =
        || PgError::new("22023", format!("invalid value for parameter \"{name}\": \"{value}\""));
    let unsupported = || PgError::unsupported(format_args!("\"{value}\" for {name}"));
    let lower = value.to_lowercase();
    Ok(match parameter(name)? {
        Kind::Text => value.to_owned(),
        Kind::Int => value.parse::<i32>().map_err(|_| invalid())?.to_string(),
        Kind::Bool => on_off(read_bool(value).ok_or_else(|| {
            PgError::new("22023", format!("parameter \"{name}\" requires a Boolean value"))
        })?),
        Kind::Milliseconds => read_milliseconds(value).ok_or_else(invalid)?.to_string(),
        Kind::Isolation => Isolation::named(&lower)?.ok_or_else(invalid)?.name().to_owned(),
        Kind::SynchronousCommit => match lower.as_str() {
            "local" | "remote_write" | "remote_apply" => lower,
            _ => on_off(read_bool(&lower).ok_or_else(invalid)?),
        },
        Kind::DateStyle if lower.starts_with("iso") => value.to_owned(),
        Kind::Utc if ["utc", "gmt", "etc/utc"].contains(&lower.as_str()) => "UTC".to_owned(),
        Kind::Utf8 if ["utf8", "utf-8"].contains(&lower.as_str()) => "UTF8".to_owned(),
        Kind::DateStyle | Kind::Utc | Kind::Utf8 => return Err(unsupported()),
        Kind::Fixed => {
            return Err(PgError::new("55P02", format!("parameter \"{name}\" cannot be changed")));
        }
    })
}

pub(crate) fn on_off(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

/// Units, longest first, with how many milliseconds they are.
const UNITS: &[(&str, u64)] =
    &[("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)];

fn read_milliseconds(text: &str) -> Option<i32> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = if unit.trim().is_empty() { "ms" } else { unit.trim() };
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    i32::try_from(number.parse::<u64>().ok()?.checked_mul(*factor)?).ok()
}

fn show_milliseconds(raw: &str) -> String {
    let ms: u64 = raw.parse().unwrap_or(0);
    let unit = UNITS.iter().find(|(_, factor)| ms > 0 && ms.is_multiple_of(*factor));
    unit.map_or_else(|| raw.to_owned(), |(name, factor)| format!("{}{name}", ms / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_are_in_order() {
        assert!(PARAMETERS.is_sorted_by(|(a, ..), (b, ..)| a < b));
    }

    #[test]
    fn a_time_is_shown_in_the_longest_unit_that_fits() {
        let mut settings = Settings::default();
        for (set, shown) in
            [("10000", "10s"), ("1min", "1min"), ("1500", "1500ms"), ("0", "0"), ("2 h", "2h")]
        {
            settings.set("lock_timeout", set, false).unwrap();
            assert_eq!(settings.show("lock_timeout").unwrap(), shown);
        }
        assert_eq!(settings.set("lock_timeout", "soon", false).unwrap_err().code, "22023");
    }

    #[test]
    fn what_is_set_ends_with_what_it_was_set_in() {
        let mut settings = Settings::default();
        let show = |settings: &Settings| settings.show("x.y").ok();
        settings.begin();
        settings.set("x.y", "1", true).unwrap();
        assert_eq!(show(&settings).as_deref(), Some("1"));
        settings.commit();
        assert_eq!(show(&settings).as_deref(), Some(""));
        settings.begin();
        settings.set("x.y", "2", false).unwrap();
        settings.abort();
        assert_eq!(show(&settings).as_deref(), Some(""));
        assert_eq!(settings.raw("nothing").unwrap_err().code, "42704");
    }
}
