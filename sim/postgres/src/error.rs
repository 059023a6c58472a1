//! What a backend tells its client when something is refused, with the fields that drivers read.
//!
//! One type for errors, notices and what ends a session. Its SQLSTATE and its words are those of
//! PostgreSQL (manual, "PostgreSQL Error Codes"), since callers decide by them.

use std::fmt;

/// How grave it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Nothing failed.
    Notice,
    /// Nothing failed, but the client may have meant something else.
    Warning,
    /// The statement failed, and with it the transaction.
    Error,
    /// The session ends.
    Fatal,
}

/// An error or a notice. Boxed, since nearly everything returns one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PgError(Box<Complaint>);

/// What there is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) severity: Severity,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) detail: Option<String>,
    pub(crate) hint: Option<String>,
    pub(crate) table: Option<String>,
    pub(crate) column: Option<String>,
    pub(crate) constraint: Option<String>,
    /// The server's routine that complained: the only thing that tells some causes apart.
    pub(crate) routine: Option<&'static str>,
}

/// What most of the server returns.
pub(crate) type PgResult<T> = Result<T, PgError>;

impl PgError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Complaint {
            severity: Severity::Error,
            code,
            message: message.into(),
            detail: None,
            hint: None,
            table: None,
            column: None,
            constraint: None,
            routine: None,
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut Complaint)) -> Self {
        change(&mut self.0);
        self
    }

    pub(crate) fn fatal(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, message).with(|said| said.severity = Severity::Fatal)
    }

    pub(crate) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, message).with(|said| said.severity = Severity::Warning)
    }

    pub(crate) fn notice(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, message).with(|said| said.severity = Severity::Notice)
    }

    /// What this server leaves out. Never in silence: a statement that is half obeyed would
    /// prove nothing.
    pub(crate) fn unsupported(what: impl fmt::Display) -> Self {
        Self::new("0A000", format!("this simulated server does not support {what}"))
    }

    pub(crate) fn syntax(message: impl Into<String>) -> Self {
        Self::new("42601", message)
    }

    pub(crate) fn detail(self, detail: impl Into<String>) -> Self {
        self.with(|said| said.detail = Some(detail.into()))
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        self.with(|said| said.hint = Some(hint.into()))
    }

    pub(crate) fn on_table(self, table: &str) -> Self {
        self.with(|said| said.table = Some(table.to_owned()))
    }

    pub(crate) fn on_column(self, column: &str) -> Self {
        self.with(|said| said.column = Some(column.to_owned()))
    }

    pub(crate) fn on_constraint(self, constraint: &str) -> Self {
        self.with(|said| said.constraint = Some(constraint.to_owned()))
    }

    pub(crate) fn routine(self, routine: &'static str) -> Self {
        self.with(|said| said.routine = Some(routine))
    }

    pub(crate) fn is_fatal(&self) -> bool {
        self.severity == Severity::Fatal
    }
}

impl Severity {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Notice => "NOTICE",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

impl std::ops::Deref for PgError {
    type Target = Complaint;

    fn deref(&self) -> &Complaint {
        &self.0
    }
}
