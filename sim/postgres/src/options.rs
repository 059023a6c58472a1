//! What a server is set up with before it starts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a server is set up with.
///
/// What a cluster creates later (roles, databases, tables) is in its log; what is named here is
/// there from the start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The cluster's identity (`pg_control_system`). A server of another identity is another
    /// history.
    pub system_identifier: u64,
    /// The timeline of this history, which every promotion counts up.
    pub timeline: u32,
    /// What `server_version` says, such as `15.18`.
    pub server_version: String,
    /// Slots for prepared transactions; 0 disables them. A server with fewer than are prepared
    /// does not start.
    pub max_prepared_transactions: usize,
    /// Sessions at a time, beyond which one is refused (53300).
    pub max_connections: usize,
    /// The first full transaction id of a new cluster, at least 3. Above 2^32 the ids have an
    /// epoch.
    pub initial_xid: u64,
    /// How long a backend waits for a lock before it looks for a deadlock.
    pub deadlock_timeout: Duration,
    /// How long new connections are refused (57P03) after the crash of a backend, beside what
    /// reading the log takes.
    pub recovery_time: Duration,
    /// How clients prove who they are.
    pub authentication: Authentication,
    /// The roles that exist from the start.
    pub roles: Vec<Role>,
    /// The databases that exist from the start, owned by the first role.
    pub databases: Vec<String>,
    /// Settings of the server (`postgresql.conf`), such as `synchronous_commit`.
    pub settings: BTreeMap<String, String>,
    /// The custom setting whose value an observer is told of a transaction that ends in one
    /// phase.
    pub tag: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            system_identifier: 7_300_000_000_000_000_000,
            timeline: 1,
            server_version: "15.18".to_owned(),
            max_prepared_transactions: 64,
            max_connections: 100,
            initial_xid: 730,
            deadlock_timeout: Duration::from_secs(1),
            recovery_time: Duration::from_millis(500),
            authentication: Authentication::Trust,
            roles: vec![Role::superuser("postgres")],
            databases: vec!["postgres".to_owned()],
            settings: BTreeMap::new(),
            tag: "indoubt.branch".to_owned(),
        }
    }
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Whether it may do everything.
    pub superuser: bool,
    /// Whether it may log in.
    pub login: bool,
    /// Its password, where one is asked for.
    pub password: Option<String>,
}

impl Role {
    /// A role that may do everything.
    pub fn superuser(name: &str) -> Self {
        Self { superuser: true, ..Self::user(name) }
    }

    /// A role that may log in.
    pub fn user(name: &str) -> Self {
        Self { name: name.to_owned(), superuser: false, login: true, password: None }
    }

    /// The same role with a password.
    #[must_use]
    pub fn password(self, password: &str) -> Self {
        Self { password: Some(password.to_owned()), ..self }
    }
}

/// How clients prove who they are (PostgreSQL manual, "Authentication Methods").
#[derive(Clone)]
pub enum Authentication {
    /// Everybody is believed.
    Trust,
    /// SCRAM-SHA-256 (RFC 5802, RFC 7677). The server draws nothing by itself: this returns 18
    /// bytes that nobody has seen before, for each exchange.
    Scram(Arc<dyn Fn() -> [u8; 18] + Send + Sync>),
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trust => "Trust",
            Self::Scram(_) => "Scram",
        })
    }
}
