//! Reading how to connect: every option is obeyed, or refused with a reason.
//!
//! tokio-postgres's parser takes options that only its own way of connecting obeys, and its
//! errors may quote a piece of the text. Here nothing that was taken is ignored, and no error
//! shows a part of a password: where one may be near, what was written is not repeated.

use tokio_postgres::Config;
use tokio_postgres::config::{
    ChannelBinding, LoadBalanceHosts, SslMode, SslNegotiation, TargetSessionAttrs,
};

use super::tcp;

/// A configuration that a participant cannot connect with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection string of the participant {name} cannot be used: {reason}")]
pub struct InvalidConnectionString {
    name: String,
    reason: String,
}

/// Reads a connection string for a participant that is reached over TCP.
pub(super) fn parse(name: &str, text: &str) -> Result<Config, InvalidConnectionString> {
    let invalid = |reason: String| InvalidConnectionString { name: name.to_owned(), reason };
    ambiguous(text).map_err(|reason| invalid(reason.to_owned()))?;
    let config: Config = text.parse().map_err(|error| invalid(unread(text, &error)))?;
    refuse(&config).map_err(|reason| invalid(reason.to_owned()))?;
    tcp::hosts(&config).map_err(|reason| invalid(reason.to_owned()))?;
    Ok(config)
}

/// Refuses what a session would not obey. Of a configuration that was made by hand nobody has
/// asked before it is used, so this is asked for every session.
pub(super) fn refuse(config: &Config) -> Result<(), &'static str> {
    match config.get_ssl_mode() {
        SslMode::Disable | SslMode::Prefer => {}
        _ => return Err(NO_TLS),
    }
    match config.get_ssl_negotiation() {
        SslNegotiation::Postgres => {}
        _ => return Err("sslnegotiation=direct needs TLS, and there is none in this build"),
    }
    match config.get_channel_binding() {
        ChannelBinding::Disable | ChannelBinding::Prefer => {}
        _ => return Err("channel_binding=require needs TLS, and there is none in this build"),
    }
    match config.get_target_session_attrs() {
        TargetSessionAttrs::Any | TargetSessionAttrs::ReadWrite => {}
        _ => return Err(SESSION_ATTRS),
    }
    match config.get_load_balance_hosts() {
        LoadBalanceHosts::Disable | LoadBalanceHosts::Random => {}
        _ => return Err("load_balance_hosts may be disable or random"),
    }
    if cfg!(not(target_os = "linux")) && config.get_tcp_user_timeout().is_some() {
        return Err("tcp_user_timeout is to be had on Linux only: leave it out");
    }
    Ok(())
}

const NO_TLS: &str = "sslmode asks for TLS, and there is none in this build: write sslmode=disable \
     (or prefer, which goes without) and let the server accept that from here, as over a tunnel, \
     or reach it through a proxy on this machine that speaks TLS";

const SESSION_ATTRS: &str = "target_session_attrs may be any or read-write: a branch needs a \
     primary, and no standby is ever used";

/// A URL whose parts cannot be told apart for sure. The parser would take what follows the
/// first @, wherever it stands, for a host, and a host is shown in errors.
fn ambiguous(text: &str) -> Result<(), &'static str> {
    let Some(rest) = ["postgres://", "postgresql://"].iter().find_map(|p| text.strip_prefix(p))
    else {
        return Ok(());
    };
    let Some((credentials, after)) = rest.split_once('@') else { return Ok(()) };
    if after.contains('@') || credentials.contains(['/', '?', '#']) {
        return Err("a user name, a password or another value in it has one of @ / ? # as such: \
                    write %40, %2F, %3F, %23 instead");
    }
    Ok(())
}

/// Why the parser could not read the text, without repeating any of it but the name of an
/// option, and that only where it cannot be a piece of a password.
fn unread(text: &str, error: &tokio_postgres::Error) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let quoted = |start: &str| {
        let rest = cause.strip_prefix(start)?.strip_prefix('`')?;
        rest.strip_suffix('`').map(str::to_owned)
    };
    if let Some(option) = quoted("invalid value for option ") {
        return match option.as_str() {
            "sslmode" => NO_TLS.to_owned(),
            "target_session_attrs" => SESSION_ATTRS.to_owned(),
            // The parser names its own options here, nothing of the text.
            _ => format!("the value of {option} is none that it may have"),
        };
    }
    if let Some(option) = quoted("unknown option ") {
        return match option.as_str() {
            "keepalives_count" => {
                "the option keepalives_count is called keepalives_retries here".to_owned()
            }
            known if NOT_OBEYED.contains(&known) => {
                let tls = if known.starts_with("ssl") { NO_TLS_OPTION } else { "" };
                format!("the option {known} would not be obeyed{tls}: leave it out")
            }
            unknown if !text.contains(':') && !text.to_lowercase().contains("pass") => {
                format!("there is no option {unknown}; {EXPECTED}")
            }
            _ => format!(
                "it has an option that there is not, or a value with a space that is not in \
                 quotes; {EXPECTED}"
            ),
        };
    }
    format!(
        "it breaks off, or a value with a space or a quote is not written as \
         password='two words, one \\' in it'; {EXPECTED}"
    )
}

const EXPECTED: &str = "expected `host=db1 user=shop dbname=orders` or \
     `postgresql://shop@db1/orders`";

const NO_TLS_OPTION: &str = ", as there is no TLS in this build";

/// What libpq knows beside what is obeyed here (PostgreSQL manual, "Parameter Key Words").
const NOT_OBEYED: &[&str] = &[
    "client_encoding",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "krbsrvname",
    "max_protocol_version",
    "min_protocol_version",
    "oauth_client_id",
    "oauth_issuer",
    "oauth_scope",
    "passfile",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "scram_client_key",
    "scram_server_key",
    "service",
    "servicefile",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslkeylogfile",
    "sslpassword",
    "sslrootcert",
    "sslsni",
];
