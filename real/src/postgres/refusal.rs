//! What the user is told when the server refuses: what to do, and whether to try again helps.
//!
//! One table for both, by SQLSTATE (PostgreSQL manual, "PostgreSQL Error Codes"). Retryable is
//! what the manual says may be retried whole ("Serialization Failure Handling"), and what an
//! outage or a full server refuses that may be over in a moment. A unique key that is taken is
//! not: the manual calls it worth a retry only where the key was chosen after a look, and only
//! the user knows that.

use indoubt::Refusal;
use tokio_postgres::error::SqlState;

use super::busy::Busy;
use super::failure::{self, Failure};
use super::tap::FailedBy;

/// Whether the same transaction, tried again from its beginning, may well succeed.
fn is_retryable(code: &str) -> bool {
    const RETRYABLE: &[&str] = &[
        "25P03", // idle_in_transaction_session_timeout
        "40001", // serialization_failure
        "40003", // statement_completion_unknown
        "40P01", // deadlock_detected
        "53000", // insufficient_resources
        "53100", // disk_full
        "53200", // out_of_memory, and no room left for prepared transactions or locks
        "53300", // too_many_connections
        "53400", // configuration_limit_exceeded
        "55006", // object_in_use
        "55P03", // lock_not_available
        "57P01", // admin_shutdown
        "57P02", // crash_shutdown
        "57P03", // cannot_connect_now
        "57P05", // idle_session_timeout
        "58000", // system_error
        "58030", // io_error
    ];
    // Not 57014: whoever cancelled, or set a statement_timeout, did not mean "again". Not 55000,
    // which is a setting, nor 42710, a gid that is taken.
    RETRYABLE.contains(&code) || code.starts_with("08")
}

/// What to do about it when it was `PREPARE TRANSACTION` that was refused: of a user's own statement
/// these codes mean other things.
fn advice_on_preparing(code: &str, text: &str) -> Option<&'static str> {
    Some(match code {
        "55000" => "set max_prepared_transactions above 0 and restart the server",
        // Two things run out under this code; the server's hint names the setting, in every
        // language.
        "53200" if text.contains("max_prepared_transactions") => {
            "resolve what is left prepared (pg_prepared_xacts), or raise max_prepared_transactions"
        }
        "42710" => "the gid is taken; every coordinator needs an id of its own and keeps its log",
        "0A000" => {
            "keep foreign tables (even to read), temporary tables, LISTEN, NOTIFY and cursors WITH \
             HOLD out of branches: what they do cannot be prepared"
        }
        _ => return advice(code, text),
    })
}

/// What to do about it whatever was refused, where there is more to say than what happened.
fn advice(code: &str, text: &str) -> Option<&'static str> {
    Some(match code {
        "53200" if text.contains("max_locks_per_transaction") => {
            "the server's table of locks is full: lock fewer objects at a time, or raise \
             max_locks_per_transaction and restart the server"
        }
        "55P03" => {
            "if it waited for as long as lock_timeout allows, this may be a deadlock between \
             transactions that lock in two databases, which neither database can see; try the \
             whole transaction again, and let all lock in the same order"
        }
        "40001" | "40P01" => "try the whole transaction again",
        _ => return None,
    })
}

fn told(code: &str, text: &str, advice: Option<&str>) -> Refusal {
    let sentence = match advice {
        Some(advice) => format!("{text}: {advice}"),
        None => text.to_owned(),
    };
    with_code(sentence, code)
}

fn with_code(sentence: String, code: &str) -> Refusal {
    let refusal = Refusal::new(sentence).with_sqlstate(code);
    if is_retryable(code) { refusal.retryable() } else { refusal }
}

/// The server refused to prepare the branch.
pub(super) fn unprepared(refusal: &failure::Refusal) -> Refusal {
    let (code, text) = (refusal.code.code(), refusal.to_string());
    told(code, &text, advice_on_preparing(code, &text))
}

/// The server refused something else that was asked of it to end the branch.
pub(super) fn refused(refusal: &failure::Refusal) -> Refusal {
    let (code, text) = (refusal.code.code(), refusal.to_string());
    told(code, &text, advice(code, &text))
}

/// The branch has rolled back, and this came in place of an answer.
pub(super) fn failed(failure: Failure) -> Refusal {
    match failure {
        Failure::Refused(refusal) => unprepared(&refusal),
        Failure::Lost(lost) => lost_before(lost.reason().to_owned()),
    }
}

/// The session was lost, and the branch with it.
pub(super) fn lost_before(sentence: String) -> Refusal {
    Refusal::new(sentence).retryable()
}

/// The first question to the branch was refused. In a failed transaction every statement is
/// (25P02), so what counts is what it failed by.
pub(super) fn unfit(refusal: &failure::Refusal, failed_by: Option<FailedBy>) -> Refusal {
    if refusal.code != SqlState::IN_FAILED_SQL_TRANSACTION {
        return refused(refusal);
    }
    let sentence = "a statement of the branch has failed, so it can only roll back; \
                    use a savepoint around a statement that may fail";
    match failed_by {
        Some(FailedBy { code, message }) => {
            let text = format!("{message} (SQLSTATE {code})");
            let cause = told(&code, &text, advice(&code, &text));
            with_code(format!("{sentence}: {}", cause.reason()), &code)
        }
        None => told(refusal.code.code(), &format!("{sentence}: {refusal}"), None),
    }
}

/// The user's own work is not finished. Where others hold what it waits for, another attempt may
/// find it free.
pub(super) fn busy(busy: &Busy) -> Refusal {
    let refusal = Refusal::new(busy.to_string());
    if busy.is_locked() { refusal.retryable() } else { refusal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lost_against_others_or_an_outage_is_retryable_and_nothing_else() {
        for code in ["40001", "40P01", "55P03", "53200", "53300", "57P01", "08006"] {
            assert!(is_retryable(code), "{code}");
        }
        for code in ["23505", "23503", "55000", "42710", "57014", "0A000", "25P02", "42501"] {
            assert!(!is_retryable(code), "{code}");
        }
    }
}
