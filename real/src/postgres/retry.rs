//! Whether to try again helps.
//!
//! Retryable is what PostgreSQL's manual says may be retried whole ("Serialization Failure
//! Handling"), and what an outage or a full server refuses that may be over in a moment. A unique
//! key that is taken is not: the manual calls it worth a retry only where the key was chosen after a
//! look, and only the user knows that.

use std::error::Error as _;
use std::io;

/// Whether the same transaction, tried again from its beginning, may well succeed after a statement
/// of a branch has failed by this error: it lost against others (a serialization failure, a deadlock,
/// a lock that did not come in time), or the server is full, stopping or out of reach.
///
/// A lost connection counts too, whatever the statement was: nothing of the branch was prepared, so
/// the server rolls it back. What was sent outside of a branch may have been done all the same.
///
/// Not retryable is what stays wrong until somebody puts it right: a constraint, a missing right, a
/// statement that cannot be read, a wrong password; nor what was cancelled on purpose (57014).
pub fn is_retryable(error: &tokio_postgres::Error) -> bool {
    match error.as_db_error() {
        Some(refusal) => is_retryable_code(refusal.code().code()),
        None => error.is_closed() || is_of_the_network(error),
    }
}

/// As [`is_retryable`], of what the server said: an SQLSTATE.
pub(super) fn is_retryable_code(code: &str) -> bool {
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

/// Whether a name could not be looked up because nobody could be asked, and not because there is no
/// such host. The standard library has no kind for that, so its text is read: glibc's, then musl's.
pub(super) fn is_temporary_lookup(error: &io::Error) -> bool {
    let text = error.to_string();
    error.kind() == io::ErrorKind::TimedOut
        || ["Temporary failure", "Try again"].iter().any(|said| text.contains(said))
}

/// Whether the connection broke. What could not be read, or not be written as a message, comes as an
/// error of the same type, of these kinds.
fn is_of_the_network(error: &tokio_postgres::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| !matches!(cause.kind(), InvalidData | InvalidInput | UnexpectedEof))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lost_against_others_or_an_outage_is_retryable_and_nothing_else() {
        for code in ["40001", "40P01", "55P03", "53200", "53300", "57P01", "08006"] {
            assert!(is_retryable_code(code), "{code}");
        }
        for code in [
            "23505", "23503", "55000", "42710", "57014", "0A000", "25P02", "42501", "28P01",
            "3D000",
        ] {
            assert!(!is_retryable_code(code), "{code}");
        }
    }

    #[test]
    fn a_name_that_is_not_known_is_not_one_that_could_not_be_asked_for() {
        let said = |text: &str| io::Error::other(format!("failed to lookup address: {text}"));
        assert!(is_temporary_lookup(&said("Temporary failure in name resolution")));
        assert!(!is_temporary_lookup(&said("Name or service not known")));
    }
}
