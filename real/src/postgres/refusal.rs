//! What the user is told when the server refuses: what to do, and whether to try again helps
//! (`retry`), by SQLSTATE (PostgreSQL manual, "PostgreSQL Error Codes").

use indoubt::Refusal;
use tokio_postgres::error::SqlState;

use super::busy::Busy;
use super::failure::{self, Failure};
use super::retry::is_retryable_code;
use super::tap::FailedBy;

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
    if is_retryable_code(code) { refusal.retryable() } else { refusal }
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
