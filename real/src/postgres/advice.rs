//! What to do about a session that cannot be opened.
//!
//! One SQLSTATE has several causes. They are told apart by the server's routine that
//! complained, which unlike its message is the same in every language.

use std::io;

use tokio_postgres::error::{DbError, SqlState};

use super::attempt::AttemptError;

/// `ENFILE` and `EMFILE`, which the standard library has no kind for.
#[cfg(unix)]
const NO_DESCRIPTOR_LEFT: [i32; 2] = [23, 24];

/// What to do about it, where there is more to say than what happened.
pub(super) fn on(error: &AttemptError) -> Option<&'static str> {
    match error {
        AttemptError::Resolve(error) | AttemptError::Dial(error) => Some(on_network(error)),
        AttemptError::Startup(error) => match error.as_db_error() {
            Some(refusal) => on_refusal(refusal),
            None => Some(
                "what answers there may not be a Postgres, or demands what the configuration \
                 does not give: check the address, the port and the password",
            ),
        },
        AttemptError::Silent(_) => Some(
            "see that the server runs and that no firewall swallows what is sent to this address",
        ),
        AttemptError::Mute => None,
        AttemptError::Standby => Some("let the participant connect to the primary"),
        AttemptError::ReadOnly => Some(
            "reset default_transaction_read_only for this role and database, or leave \
             target_session_attrs out",
        ),
    }
}

fn on_network(error: &io::Error) -> &'static str {
    #[cfg(unix)]
    if error.raw_os_error().is_some_and(|code| NO_DESCRIPTOR_LEFT.contains(&code)) {
        return "too many files are open: raise the limit (ulimit -n, LimitNOFILE), or run fewer \
                transactions at a time, as each holds a connection for each branch";
    }
    "see that the server runs and can be reached at this address"
}

fn on_refusal(refusal: &DbError) -> Option<&'static str> {
    let (code, routine) = (refusal.code(), refusal.routine().unwrap_or_default());
    if *code == SqlState::INVALID_PASSWORD {
        Some("check the user and the password, and the server's pg_hba.conf")
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        Some(if routine == "ClientAuthentication" {
            "there is no TLS in this build: pg_hba.conf needs a `host` line that matches this \
             user, database and address, as a `hostssl` line does not"
        } else {
            "check the user: it must exist, and be allowed to log in"
        })
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        Some("create the database, or correct its name")
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        Some(match routine {
            "InitializeSessionUserId" => {
                "raise this role's limit (ALTER ROLE … CONNECTION LIMIT), or run fewer \
                 transactions at a time, as each holds a session for each branch"
            }
            "CheckMyDatabase" => {
                "raise this database's limit (ALTER DATABASE … CONNECTION LIMIT), or run fewer \
                 transactions at a time, as each holds a session for each branch"
            }
            _ => {
                "raise max_connections, or run fewer transactions at a time, as each holds a \
                 session for each branch"
            }
        })
    } else if *code == SqlState::CANNOT_CONNECT_NOW {
        Some("the server is starting or stopping; try again")
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        Some("grant this role CONNECT on the database")
    } else {
        None
    }
}
