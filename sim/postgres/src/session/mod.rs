//! A session: one client's transactions and settings, and the statements that it runs.

mod access;
mod commands;
mod constraints;
mod define;
mod evaluate;
mod execute;
mod insert;
mod locking;
mod query;
mod roles;
mod rows;
mod transaction;
mod two_phase;
mod write;

use crate::catalog::settings::{Settings, on_off};
use crate::edges::By;
use crate::error::{PgError, PgResult};
use crate::heap::Snapshot;
use crate::locks::{Mode, Owner, Span, Tag};
use crate::plan::{Field, Names};
use crate::server::{Shared, State};
use crate::value::Row;
use crate::wal::{Change, Record};
use crate::xact::Xact;

pub(crate) use execute::describe;

/// Why a transaction that has to do with channels is not prepared.
pub(crate) const LISTENS: &str =
    "cannot PREPARE a transaction that has executed LISTEN, UNLISTEN, or NOTIFY";

/// A session, with the way to what all share.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) shared: Shared,
    pub(crate) data: SessionData,
}

/// What is a session's own.
#[derive(Debug)]
pub(crate) struct SessionData {
    pub(crate) pid: i32,
    pub(crate) database: u32,
    /// The role that logged in.
    pub(crate) login: String,
    pub(crate) settings: Settings,
    pub(crate) xact: Option<Xact>,
    pub(crate) block: Block,
    /// Something was executed since the last `Sync`, by the extended protocol: with what comes
    /// before the next it is one transaction, though no block.
    pub(crate) pipelining: bool,
    pub(crate) notices: Vec<PgError>,
    /// What the statement that has just failed had returned by then.
    pub(crate) cut_short: Option<Rows>,
    /// Microseconds since the Unix epoch.
    pub(crate) statement_start: i64,
}

/// Where the session stands towards transactions (`TBlockState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// No transaction.
    Idle,
    /// One statement is a transaction by itself.
    Single,
    /// The statements of one string are a transaction.
    Implicit,
    /// In a transaction block.
    Open,
    /// A transaction block in which something has failed.
    Failed,
}

/// What a statement returns.
pub(crate) type Rows = (Vec<Field>, Vec<Row>);

/// What a statement has done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) tag: String,
    pub(crate) rows: Option<Rows>,
}

impl Done {
    pub(crate) fn tag(tag: impl Into<String>) -> Self {
        Self { tag: tag.into(), rows: None }
    }
}

impl SessionData {
    pub(crate) fn new(pid: i32, database: u32, login: String, settings: Settings) -> Self {
        Self {
            pid,
            database,
            login,
            settings,
            xact: None,
            block: Block::Idle,
            pipelining: false,
            notices: Vec::new(),
            cut_short: None,
            statement_start: 0,
        }
    }

    /// The transaction, which every statement runs in.
    pub(crate) fn xact(&self) -> &Xact {
        self.xact.as_ref().expect("a statement runs in a transaction")
    }

    pub(crate) fn xact_mut(&mut self) -> &mut Xact {
        self.xact.as_mut().expect("a statement runs in a transaction")
    }

    /// As an observer is told of it.
    pub(crate) fn by(&self) -> By {
        let application_name = self.settings.raw("application_name").unwrap_or_default();
        By { pid: self.pid, application_name }
    }

    pub(crate) fn session_user(&self) -> String {
        match self.settings.get("session_authorization") {
            None | Some("") => self.login.clone(),
            Some(user) => user.to_owned(),
        }
    }

    pub(crate) fn current_user(&self) -> String {
        match self.settings.get("role") {
            None | Some("none") => self.session_user(),
            Some(role) => role.to_owned(),
        }
    }

    pub(crate) fn names<'a>(&'a self, state: &'a State) -> Names<'a> {
        let path = self.settings.get("search_path").unwrap_or_default();
        let public = path.split(',').any(|schema| schema.trim().trim_matches('"') == "public");
        Names {
            catalog: &state.catalog,
            database: self.database,
            mine: &self.xact().mine,
            running: &state.running,
            public,
        }
    }

    /// The value of a setting as it is shown.
    ///
    /// # Errors
    /// 42704: there is none of the name.
    pub(crate) fn show(&self, state: &State, name: &str) -> PgResult<String> {
        let xact = self.xact.as_ref();
        let setting = |name| self.settings.raw(name);
        Ok(match name {
            "transaction_isolation" => match xact {
                Some(xact) => xact.isolation.name().to_owned(),
                None => setting("default_transaction_isolation")?,
            },
            "transaction_read_only" => match xact {
                Some(xact) => on_off(xact.read_only),
                None => setting("default_transaction_read_only")?,
            },
            "transaction_deferrable" => match xact {
                Some(xact) => on_off(xact.deferrable),
                None => setting("default_transaction_deferrable")?,
            },
            "is_superuser" => on_off(state.catalog.is_superuser(&self.current_user())),
            "in_hot_standby" => "off".to_owned(),
            "session_authorization" => self.session_user(),
            name => self.settings.show(name)?,
        })
    }

    /// Sets a setting, also of those that are the transaction's.
    ///
    /// # Errors
    /// 42704, 22023: there is none of the name, or it does not take the value. 25001: it is too
    /// late in the transaction.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>, local: bool) -> PgResult<()> {
        match (name, value) {
            ("transaction_isolation" | "transaction_read_only" | "transaction_deferrable", _) => {
                let value = value.unwrap_or_default();
                let flag = crate::value::text::read_bool(value);
                let invalid = || {
                    let text = format!("invalid value for parameter \"{name}\": \"{value}\"");
                    PgError::new("22023", text)
                };
                let mut modes = crate::sql::Modes::default();
                match name {
                    "transaction_isolation" => {
                        let level = crate::xact::Isolation::named(value)?.ok_or_else(invalid)?;
                        modes.isolation = Some(level);
                    }
                    "transaction_read_only" => {
                        modes.read_only = Some(flag.ok_or_else(invalid)?);
                    }
                    _ => modes.deferrable = Some(flag.ok_or_else(invalid)?),
                }
                self.set_modes(modes)
            }
            (name, Some(value)) => self.settings.set(name, value, local),
            (name, None) => self.settings.reset(name, local),
        }
    }

    /// The transaction's id, which it is given if it has none.
    pub(crate) fn assign_top(&mut self, state: &mut State) -> u64 {
        if let Some(xid) = self.xact().xid {
            return xid;
        }
        let xid = self.new_xid(state);
        self.xact_mut().xid = Some(xid);
        if let Some(backend) = state.backends.get_mut(&self.pid) {
            backend.xid = Some(xid);
        }
        xid
    }

    /// The id under which something is changed now: that of the innermost savepoint. Those
    /// around it have theirs first.
    pub(crate) fn assign_current(&mut self, state: &mut State) -> u64 {
        let mut xid = self.assign_top(state);
        for at in 0..self.xact().subs.len() {
            xid = if let Some(xid) = self.xact().subs[at].xid {
                xid
            } else {
                let xid = self.new_xid(state);
                self.xact_mut().subs[at].xid = Some(xid);
                xid
            };
        }
        xid
    }

    fn new_xid(&mut self, state: &mut State) -> u64 {
        let xid = state.take_xid();
        state.running.insert(xid);
        let (owner, tag) = (Owner::Backend(self.pid), Tag::Transaction(xid));
        let _nobody_else_knows_it =
            state.locks.take(owner, tag, Mode::Exclusive, Span::Transaction);
        let xact = self.xact_mut();
        xact.mine.insert(xid);
        xact.locks.push((tag, Mode::Exclusive));
        xid
    }

    /// Changes something.
    pub(crate) fn change(&mut self, state: &mut State, change: Change) {
        let xid = self.assign_current(state);
        let top = self.assign_top(state);
        let xact = self.xact_mut();
        if !std::mem::replace(&mut xact.is_logged, true) {
            drop(state.edges.append(Record::Assigned { xid: top }.encode(), false));
        }
        state.apply(xid, xact.cid, &change);
        xact.changes.push((xid, change));
    }

    /// The moment that a statement looks at: its own, or its transaction's.
    pub(crate) fn snapshot(&mut self, state: &mut State) -> Snapshot {
        let keeps = self.xact().isolation > crate::xact::Isolation::ReadCommitted;
        let kept = self.xact().snapshot.clone().filter(|_| keeps);
        let snapshot = kept.unwrap_or_else(|| state.snapshot());
        let xact = self.xact_mut();
        xact.has_snapshot = true;
        if keeps && xact.snapshot.is_none() {
            xact.snapshot = Some(snapshot.clone());
        }
        if let Some(backend) = state.backends.get_mut(&self.pid) {
            backend.xmin = Some(snapshot.xmin());
        }
        snapshot
    }
}
