//! Whether a server can take part, asked before the first branch.
//!
//! A server or a role that cannot prepare would only say so at the first commit, when the work
//! is done. So besides what is judged by itself (version, standby, settings, roles), the
//! statements that a commit and a recovery run are run here too, against nothing: what they
//! are refused, a commit would be refused.

use futures::future::{join, join_all};
use indoubt::BeginError;
use tokio_postgres::SimpleQueryRow;

use super::evidence::{Backend, Xact};
use super::failure::Failure;
use super::session::Session;
use super::sql;

/// The oldest server that has all that is needed: `pg_terminate_backend` that waits.
const OLDEST_VERSION: u32 = 140_000;

/// What was learned of a server that will do.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// The role that a new session has, and that therefore has to own what is prepared.
    pub(super) login: String,
    /// A pooler stands before it: the backend that answers is not the one that the start-up
    /// named.
    pub(super) pooled: bool,
}

/// Asks whether the server will do. One round trip: every statement is sent at the first poll.
///
/// # Errors
/// What is wrong, and what to do about it.
pub(super) async fn check(session: &Session) -> Result<Server, BeginError> {
    let (lacking, rehearsal) = (sql::lacking(), rehearsal());
    let rehearsed = join_all(rehearsal.iter().map(|statement| session.rows(statement)));
    let ((server, lacking), rehearsed) =
        join(join(session.row(sql::CHECK), session.rows(&lacking)), rehearsed).await;
    let row = server.map_err(unexamined)?;
    let login = judge(&row)?;
    judge_functions(&row, &lacking.map_err(unexamined)?)?;
    let (mut sees_itself, mut pid) = (false, None);
    for (statement, answer) in rehearsal.iter().zip(rehearsed) {
        let rows = answer.map_err(refused)?;
        if statement == sql::EVIDENCE {
            sees_itself = rows.iter().any(|row| row.get(7).is_some());
            pid = rows.iter().find_map(|row| row.get(6)?.parse().ok());
        }
    }
    judge_role(&row, sees_itself)?;
    let named = session.tap().backend_pid();
    Ok(Server { login, pooled: named.is_none() || named != pid })
}

/// What a commit and a recovery run, with a transaction, a backend and an owner that are not.
fn rehearsal() -> [String; 4] {
    let xact = Xact { xid: 3, system: 0, timeline: 0, era: None };
    let nobody = Backend { pid: 0, start: "0".to_owned() };
    let owner = "rehearsal".parse().expect("letters name a coordinator");
    [
        sql::EVIDENCE.to_owned(),
        sql::status(&xact),
        sql::in_doubt(&owner),
        sql::terminate_idle(&nobody, &xact),
    ]
}

/// The role that logged in, of a server that will do by itself.
fn judge(row: &SimpleQueryRow) -> Result<String, BeginError> {
    let number = |column| row.get(column).and_then(|text: &str| text.parse::<u32>().ok());
    let version = number(0).unwrap_or(0);
    if version < OLDEST_VERSION {
        return Err(BeginError::new(format!(
            "the server is of version {}.{}: upgrade it to PostgreSQL {} or newer",
            version / 10_000,
            version % 10_000,
            OLDEST_VERSION / 10_000
        )));
    }
    if row.get(2) != Some("f") {
        return Err(BeginError::new(
            "the server is a standby: let the participant connect to the primary",
        ));
    }
    if number(1).unwrap_or(0) == 0 {
        return Err(BeginError::new(
            "the server cannot prepare transactions: set max_prepared_transactions to at least \
             max_connections (its default is 0) and restart the server",
        ));
    }
    Ok(row.get(3).unwrap_or_default().to_owned())
}

/// Functions that were revoked, or that the server, not quite a PostgreSQL, does not have.
fn judge_functions(row: &SimpleQueryRow, lacking: &[SimpleQueryRow]) -> Result<(), BeginError> {
    let named = |exists| {
        let rows = lacking.iter().filter(move |row| row.get(1) == Some(exists));
        rows.filter_map(|row| row.get(0)).collect::<Vec<_>>().join(", ")
    };
    let (absent, revoked) = (named("f"), named("t"));
    if !absent.is_empty() {
        return Err(BeginError::new(format!(
            "the server lacks functions that every commit needs, so it cannot take part: {absent}"
        )));
    }
    let role = row.get(6).unwrap_or_default();
    if !revoked.is_empty() {
        return Err(BeginError::new(format!(
            "the role may not call functions that every commit needs: as a superuser, in this \
             database, GRANT EXECUTE ON FUNCTION {revoked} TO {role}"
        )));
    }
    if row.get(7) != Some("t") {
        return Err(BeginError::new(format!(
            "the role may not see what is prepared, which recovery needs: as a superuser, in this \
             database, GRANT SELECT ON pg_catalog.pg_prepared_xacts TO {role}"
        )));
    }
    Ok(())
}

/// A role that was put in force at login: it has to do with the sessions what is otherwise done
/// with one's own.
fn judge_role(row: &SimpleQueryRow, sees_itself: bool) -> Result<(), BeginError> {
    if sees_itself && row.get(5) == Some("t") {
        return Ok(());
    }
    let (role, login) = (row.get(3).unwrap_or_default(), row.get(4).unwrap_or_default());
    Err(BeginError::new(format!(
        "{login} logs in and the role {role} is in force (ALTER ROLE … SET role, or the option \
         role), which may not see and end the sessions of {login}, so a prepare could not be fenced: \
         connect as {role}, or GRANT pg_signal_backend, pg_read_all_stats TO {}",
        row.get(6).unwrap_or_default()
    )))
}

fn refused(failure: Failure) -> BeginError {
    failure.into_begin_error(|why| {
        format!(
            "the server refuses a statement that every commit needs: {why}: grant what is missing, \
             or see what is special about this server"
        )
    })
}

fn unexamined(failure: Failure) -> BeginError {
    failure.into_begin_error(|why| format!("the server could not be examined: {why}"))
}
