//! How a connection becomes a session: negotiation, authentication, and a database.

use std::collections::BTreeMap;

use pgwire::messages::response::{GssEncResponse, NotificationResponse, SslResponse};
use pgwire::messages::startup::{
    Authentication as Auth, BackendKeyData, ParameterStatus, SecretKey, Startup,
};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage, SslNegotiationMetaMessage};
use tokio::io::{AsyncRead, AsyncWrite};

use super::stream::Wire;
use super::{Connection, scram};
use crate::catalog::settings::{REPORTED, Settings, check, on_off};
use crate::error::{PgError, PgResult};
use crate::options::Authentication;
use crate::server::{Activity, Backend, Phase, Server, Shared, State};
use crate::session::{Session, SessionData};

/// Opens a session; none if the client wanted something else, or left.
///
/// # Errors
/// It is refused.
pub(super) async fn start<S>(server: &Server, wire: &mut Wire<S>) -> PgResult<Option<Session>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let Some(startup) = first(server, wire).await? else { return Ok(None) };
    if startup.protocol_number_major != 3 {
        let (major, minor) = (startup.protocol_number_major, startup.protocol_number_minor);
        let text = format!("unsupported frontend protocol {major}.{minor}: server supports 3.0");
        return Err(PgError::fatal("0A000", text));
    }
    let mut given = startup.parameters;
    let Some(user) = given.remove("user") else {
        let text = "no PostgreSQL user name specified in startup packet";
        return Err(PgError::fatal("28000", text));
    };
    let database = given.remove("database").unwrap_or_else(|| user.clone());
    admits(&server.lock())?;
    let scram = {
        let state = server.lock();
        match &state.options.authentication {
            Authentication::Trust => None,
            Authentication::Scram(nonce) => Some(nonce.clone()),
        }
    };
    if let Some(nonce) = scram {
        let password = server.lock().catalog.roles.get(&user).and_then(|r| r.password.clone());
        if !scram::authenticate(wire, &user, password, nonce()).await? {
            return Ok(None);
        }
    }
    let session = enter(server, &user, &database, given)?;
    wire.push(&PgWireBackendMessage::Authentication(Auth::Ok));
    Ok(Some(session))
}

/// The packet that opens a session. What comes before it is answered here, and a cancel request
/// is obeyed.
async fn first<S>(server: &Server, wire: &mut Wire<S>) -> PgResult<Option<Startup>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    loop {
        match wire.decode()? {
            None => {
                if !wire.read_plain().await {
                    return Ok(None);
                }
            }
            Some(PgWireFrontendMessage::SslNegotiation(negotiation)) => match negotiation {
                SslNegotiationMetaMessage::PostgresSsl(_) => {
                    wire.push(&PgWireBackendMessage::SslResponse(SslResponse::Refuse));
                    wire.flush_plain().await;
                }
                SslNegotiationMetaMessage::PostgresGss(_) => {
                    wire.push(&PgWireBackendMessage::GssEncResponse(GssEncResponse::Refuse));
                    wire.flush_plain().await;
                }
                SslNegotiationMetaMessage::None => wire.context.awaiting_frontend_ssl = false,
            },
            Some(PgWireFrontendMessage::CancelRequest(request)) => {
                let mut state = server.lock();
                let key = request.secret_key.as_i32();
                if let Some(backend) = state.backends.get_mut(&request.pid)
                    && Some(backend.secret) == key
                {
                    backend.cancelled = true;
                    state.wake([request.pid]);
                }
                return Ok(None);
            }
            Some(PgWireFrontendMessage::Startup(startup)) => {
                wire.context.awaiting_frontend_startup = false;
                return Ok(Some(startup));
            }
            Some(_) => return Err(PgError::fatal("08P01", "invalid startup packet")),
        }
    }
}

/// Whether the server lets anybody in.
fn admits(state: &State) -> PgResult<()> {
    let refused = |text: &str| Err(PgError::fatal("57P03", text));
    match state.phase {
        Phase::Running => Ok(()),
        Phase::Recovering => refused("the database system is in recovery mode"),
        Phase::ShuttingDown => refused("the database system is shutting down"),
        Phase::Stopped | Phase::Panicked(_) => refused("the database system is not there"),
    }
}

fn enter(
    server: &Server,
    user: &str,
    database: &str,
    given: BTreeMap<String, String>,
) -> PgResult<Session> {
    let mut state = server.lock();
    admits(&state)?;
    let Some(role) = state.catalog.roles.get(user) else {
        return Err(PgError::fatal("28000", format!("role \"{user}\" does not exist"))
            .routine("InitializeSessionUserId"));
    };
    if !role.login {
        return Err(PgError::fatal("28000", format!("role \"{user}\" is not permitted to log in"))
            .routine("InitializeSessionUserId"));
    }
    if state.backends.len() >= state.options.max_connections {
        return Err(
            PgError::fatal("53300", "sorry, too many clients already").routine("InitProcess")
        );
    }
    let Some(found) = state.catalog.database(database) else {
        return Err(PgError::fatal("3D000", format!("database \"{database}\" does not exist"))
            .routine("InitPostgres"));
    };
    let (database, role) = (found.id, role.clone());
    let mut settings = Settings::new(base(&state, &role.settings, given)?);
    let version = state.options.server_version.clone();
    settings.set_fixed("server_version", &version);
    settings.set_fixed("server_version_num", &version_number(&version));
    let slots = state.options.max_prepared_transactions.to_string();
    settings.set_fixed("max_prepared_transactions", &slots);
    settings.set_fixed("max_connections", &state.options.max_connections.to_string());
    let deadlock = state.options.deadlock_timeout.as_millis().to_string();
    settings.set_default("deadlock_timeout", &deadlock);
    settings.set_fixed("is_superuser", &on_off(role.superuser));
    let (pid, now) = (state.next_pid, state.now());
    state.next_pid += 1;
    let backend = Backend {
        pid,
        secret: secret(pid),
        database,
        user: user.to_owned(),
        application_name: settings.raw("application_name").unwrap_or_default(),
        start: now,
        xact_start: None,
        query_start: None,
        state_change: now,
        state: Activity::Idle,
        query: String::new(),
        wait: None,
        xid: None,
        xmin: None,
        cancelled: false,
        terminated: None,
        channels: Vec::new(),
        notified: Vec::new(),
        waker: None,
    };
    state.backends.insert(pid, backend);
    let shared = Shared::new(server.state.clone(), pid, state.generation);
    let data = SessionData::new(pid, database, user.to_owned(), settings);
    Ok(Session { shared, data })
}

/// What is set from the start: by the server, the role, and the connection, the later over the
/// earlier.
fn base(
    state: &State,
    role: &BTreeMap<String, String>,
    given: BTreeMap<String, String>,
) -> PgResult<BTreeMap<String, String>> {
    let fatal = |error: PgError| PgError::fatal(error.code, error.message.clone());
    let mut base = BTreeMap::new();
    let server = state.options.settings.iter();
    for (name, value) in server.chain(role) {
        base.insert(name.clone(), check(name, value).map_err(fatal)?);
    }
    for (name, value) in given {
        if name == "options" {
            for (name, value) in options(&value)? {
                base.insert(name.clone(), check(&name, &value).map_err(fatal)?);
            }
        } else if name == "replication" {
            return Err(fatal(PgError::unsupported("replication")));
        } else if !name.starts_with("_pq_.") {
            let name = name.to_lowercase();
            base.insert(name.clone(), check(&name, &value).map_err(fatal)?);
        }
    }
    Ok(base)
}

/// `-c name=value` and `--name=value`; a backslash keeps a space from ending one.
fn options(text: &str) -> PgResult<Vec<(String, String)>> {
    let (mut words, mut word, mut escaped) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '\\' if !escaped => escaped = true,
            ' ' if !escaped => words.push(std::mem::take(&mut word)),
            c => {
                word.push(c);
                escaped = false;
            }
        }
    }
    words.push(word);
    let mut found = Vec::new();
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let setting = match (word.strip_prefix("--"), word.strip_prefix("-c")) {
            (Some(setting), _) => setting.replace('-', "_"),
            (None, Some("")) => words.next().unwrap_or_default(),
            (None, Some(setting)) => setting.to_owned(),
            (None, None) => {
                let text = format!("invalid command-line argument for server process: {word}");
                return Err(PgError::fatal("42601", text));
            }
        };
        let (name, value) = setting.split_once('=').unwrap_or((&setting, ""));
        found.push((name.to_lowercase(), value.to_owned()));
    }
    Ok(found)
}

/// `15.18` as 150018.
fn version_number(version: &str) -> String {
    let mut parts = version.split(['.', ' ']).map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    (major * 10_000 + minor).to_string()
}

/// Not to be guessed by mistake, and the same in every run.
fn secret(pid: i32) -> i32 {
    pid.wrapping_mul(0x5bd1_e995).rotate_left(13) ^ 0x2545_f491
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// What a client is told before the first `ReadyForQuery`.
    pub(super) fn greet(&mut self) {
        self.report();
        let pid = self.session.data.pid;
        let key = BackendKeyData::new(pid, SecretKey::I32(secret(pid)));
        self.wire.push(&PgWireBackendMessage::BackendKeyData(key));
    }

    /// Tells of settings that are not as they were told last.
    pub(super) fn report(&mut self) {
        let state = self.session.shared.lock();
        let data = &self.session.data;
        // All of them are settings, but for this one, which is the catalog's.
        let version = (data.settings.version(), state.catalog.is_superuser(&data.current_user()));
        if self.reported_version == Some(version) {
            return;
        }
        self.reported_version = Some(version);
        for (at, name) in REPORTED.iter().enumerate() {
            let value = data.show(&state, &name.to_lowercase()).unwrap_or_default();
            if self.reported.get(at) == Some(&value) {
                continue;
            }
            let status = ParameterStatus::new((*name).to_owned(), value.clone());
            self.wire.push(&PgWireBackendMessage::ParameterStatus(status));
            match self.reported.get_mut(at) {
                Some(told) => *told = value,
                None => self.reported.push(value),
            }
        }
    }

    /// What came in on channels.
    pub(super) fn notify(&mut self) {
        let pid = self.session.data.pid;
        let notified = {
            let mut state = self.session.shared.lock();
            let backend = state.backends.get_mut(&pid);
            backend.map(|b| std::mem::take(&mut b.notified)).unwrap_or_default()
        };
        for (pid, channel, payload) in notified {
            let message = NotificationResponse::new(pid, channel, payload);
            self.wire.push(&PgWireBackendMessage::NotificationResponse(message));
        }
    }
}
