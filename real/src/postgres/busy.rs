//! A branch that is asked for its vote while it is still at work for its user.
//!
//! The first question of a vote waits behind whatever the user has not finished: a statement
//! that waits for a lock, a row stream that nobody reads, a `COPY` whose sink is held. That can
//! take for ever, and a deadline only says that nothing came. So when an answer is slow to come,
//! it is looked for why: at the client, whether anybody still reads what the server sends; at
//! the server, over another session, what this one is at. Only certainty counts. A server or a
//! network that is slow, a session that cannot be seen, a statement of the adapter's own: all
//! that is waited for, as long as the caller will.
//!
//! Nothing was sent yet by which the branch could be prepared or committed, so its no is final.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use tokio_postgres::SimpleQueryRow;

use super::branch::PostgresBranch;
use super::dial::Dialer;
use super::handle::Postgres;
use super::sql;
use super::tap::Reading;

/// How long an answer may take before it is looked for, and between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// How much of a statement is shown, in characters.
const SHOWN: usize = 100;

/// What keeps a branch from its vote.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Busy {
    /// Rows, or the data of a `COPY`, that nobody reads. The statement, if the server is still at
    /// it.
    Unread(Option<String>),
    /// A `COPY` that waits for more data.
    Unfed(String),
    /// A statement that waits for a lock.
    Locked {
        statement: String,
        /// What kind of object is locked, as `pg_locks` calls it.
        kind: String,
        /// The processes that hold it; 0 is a prepared transaction.
        holders: Vec<i32>,
    },
    /// A statement that runs.
    Running(String),
}

/// The answer, or why it does not come: the user's own unfinished work.
pub(super) async fn unless_busy<D: Dialer, T>(
    postgres: &Postgres<D>,
    branch: &PostgresBranch,
    answer: impl Future<Output = T>,
) -> Result<T, Busy> {
    let watched = async {
        let mut before = branch.session.tap().reading();
        loop {
            branch.session.sleep(PAUSE).await;
            let now = branch.session.tap().reading();
            if is_unread(before, now) {
                return Busy::Unread(None);
            }
            before = now;
            if let Some(busy) = look(postgres, branch).await {
                return busy;
            }
        }
    };
    match select(pin!(answer), pin!(watched)).await {
        Either::Left((answer, _)) => Ok(answer),
        Either::Right((busy, _)) => Err(busy),
    }
}

/// The driver has had something to read all the while, and left it.
fn is_unread(before: Reading, now: Reading) -> bool {
    !now.waits && now == before
}

/// What the server says; nothing if that is not certain.
async fn look<D: Dialer>(postgres: &Postgres<D>, branch: &PostgresBranch) -> Option<Busy> {
    let backend = branch.backend.as_ref()?;
    let looks = postgres.looks().await.ok()?;
    let rows = looks.session().rows(&sql::activity(backend)).await;
    looks.keep();
    judge(rows.ok()?.first()?)
}

fn judge(row: &SimpleQueryRow) -> Option<Busy> {
    let (state, query) = (row.get(0)?, row.get(3)?);
    // The server cuts a long statement off.
    let is_ours = sql::EVIDENCE.starts_with(query);
    if state != "active" || is_ours {
        return None;
    }
    let statement = shown(query);
    Some(match (row.get(1), row.get(2)) {
        (Some("Lock"), kind) => {
            let kind = kind.unwrap_or_default().to_owned();
            Busy::Locked { statement, kind, holders: pids(row.get(4).unwrap_or_default()) }
        }
        (Some("Client"), Some("ClientRead")) => Busy::Unfed(statement),
        (Some("Client"), Some("ClientWrite")) => Busy::Unread(Some(statement)),
        _ => Busy::Running(statement),
    })
}

/// In one line, and not all of a long one.
fn shown(query: &str) -> String {
    let line = query.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Reads an array of numbers: `{1,2}`.
fn pids(array: &str) -> Vec<i32> {
    let numbers = array.trim_matches(['{', '}']).split(',');
    numbers.filter_map(|number| number.parse().ok()).collect()
}

impl Busy {
    /// Whether it was kept by others, and not by the user's program alone.
    pub(super) fn is_locked(&self) -> bool {
        matches!(self, Self::Locked { .. })
    }
}

impl std::fmt::Display for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unread(statement) => {
                f.write_str("a row stream or COPY of the user is not finished")?;
                if let Some(statement) = statement {
                    write!(f, " ('{statement}')")?;
                }
                f.write_str(": read it to its end, or drop it, before the commit")
            }
            Self::Unfed(statement) => write!(
                f,
                "a COPY of the user is not finished ('{statement}'): finish or drop its sink before \
                 the commit"
            ),
            Self::Locked { statement, kind, holders } => {
                write!(
                    f,
                    "a statement of the user is still running: '{statement}' waits for a lock ({kind})"
                )?;
                for (i, holder) in holders.iter().enumerate() {
                    f.write_str(if i == 0 { " held by " } else { ", " })?;
                    match holder {
                        0 => f.write_str("a prepared transaction")?,
                        pid => write!(f, "pid {pid}")?,
                    }
                }
                f.write_str("; await every statement, or cancel it and roll back")
            }
            Self::Running(statement) => write!(
                f,
                "a statement of the user is still running: '{statement}'; await every statement \
                 before the commit"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_shown_in_one_line_and_cut_off() {
        assert_eq!(shown("UPDATE t\n  SET id = $1"), "UPDATE t SET id = $1");
        let long = shown(&"ä".repeat(SHOWN + 1));
        assert_eq!(long, format!("{}…", "ä".repeat(SHOWN)));
    }

    #[test]
    fn who_holds_a_lock_is_named() {
        assert_eq!(pids("{}"), Vec::<i32>::new());
        let statement = "DELETE FROM t".to_owned();
        let busy =
            Busy::Locked { statement, kind: "transactionid".to_owned(), holders: pids("{0,17}") };
        assert!(busy.to_string().contains(
            "'DELETE FROM t' waits for a lock (transactionid) held by a prepared transaction, pid 17"
        ));
    }

    #[test]
    fn only_a_reader_that_leaves_something_unread_has_stopped() {
        let at = |waits, times| Reading { waits, times };
        assert!(is_unread(at(false, 3), at(false, 3)));
        assert!(!is_unread(at(false, 3), at(false, 4)), "it reads, if slowly");
        assert!(!is_unread(at(true, 3), at(true, 3)), "nothing came");
    }
}
