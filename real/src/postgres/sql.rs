//! Every statement that the adapter sends, in one place: what it relies on of a server, and
//! what a simulated one has to understand.
//!
//! Functions are qualified with `pg_catalog`, because a branch's session is the user's too
//! and its `search_path` may be anything. Bind parameters are absent: the transaction control
//! commands accept none (42601).

use indoubt::{BranchGid, CoordinatorId, Decision};

use super::xact::{Backend, Xact};

/// What has to hold of a server before the first branch.
pub(super) const CHECK: &str = "SELECT pg_catalog.current_setting('server_version_num'), \
     pg_catalog.current_setting('max_prepared_transactions'), \
     pg_catalog.pg_is_in_recovery(), CURRENT_USER";

/// Whether the session still answers.
pub(super) const PING: &str = "SELECT 1";

pub(super) const ROLLBACK: &str = "ROLLBACK";

pub(super) const COMMIT: &str = "COMMIT";

/// A commit that waits for the local disk even where `synchronous_commit` is off: a plain
/// commit is otherwise lost in a crash, unlike a prepared one, which always flushes.
pub(super) const COMMIT_FLUSHED: &str = "SET LOCAL synchronous_commit = local; COMMIT";

/// All that has to be known of a branch before it may end: whether this is still the
/// transaction that was begun, which one it is to the server, and which backend has it.
///
/// It fails (25P02) in a failed transaction. The backend's start is read as a number, since
/// the text of a timestamp depends on the session's settings.
pub(super) const EVIDENCE: &str = "SELECT pg_catalog.current_setting('indoubt.branch', true), \
     pg_catalog.pg_current_xact_id_if_assigned(), CURRENT_USER, \
     pg_catalog.current_setting('synchronous_commit'), control.system_identifier, \
     pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8), \
     activity.pid, EXTRACT(epoch FROM activity.backend_start) \
     FROM pg_catalog.pg_control_system() AS control, \
     pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS activity";

/// Begins a branch and marks its transaction.
///
/// The mark is a setting that is local to the transaction, so it vanishes when the
/// transaction ends, by whoever's hand. Setting it takes no snapshot, so the user can still
/// choose the isolation level, which any query would preclude. A query in the same string
/// would even do so before the `BEGIN`: the string is one implicit transaction, which the
/// `BEGIN` turns into the explicit one (PostgreSQL manual, "Multiple Statements in a Simple
/// Query").
pub(super) fn begin(gid: &BranchGid) -> String {
    format!("BEGIN; SET LOCAL indoubt.branch = {}", literal(&gid.to_string()))
}

pub(super) fn prepare(gid: &BranchGid) -> String {
    format!("PREPARE TRANSACTION {}", literal(&gid.to_string()))
}

pub(super) fn finish(gid: &BranchGid, decision: Decision) -> String {
    let verb = match decision {
        Decision::Commit => "COMMIT",
        Decision::Abort => "ROLLBACK",
    };
    format!("{verb} PREPARED {}", literal(&gid.to_string()))
}

/// How a transaction stands, with the history in which that answer holds.
pub(super) fn status(xact: &Xact) -> String {
    format!(
        "SELECT control.system_identifier, \
         pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8), \
         pg_catalog.pg_xact_status('{}') FROM pg_catalog.pg_control_system() AS control",
        xact.xid
    )
}

/// The owner's prepared transactions in this database, one a row beside whether the server is
/// a standby; at least one row, with no gid if there are none.
///
/// A prefix test and not `LIKE`, to which an underscore in a coordinator's id is a wildcard.
pub(super) fn in_doubt(owner: &CoordinatorId) -> String {
    format!(
        "SELECT pg_catalog.pg_is_in_recovery(), prepared.gid FROM (SELECT) AS always \
         LEFT JOIN pg_catalog.pg_prepared_xacts AS prepared \
         ON prepared.database = pg_catalog.current_database() \
         AND pg_catalog.starts_with(prepared.gid, {})",
        literal(&owner.gid_prefix())
    )
}

/// Ends a backend and waits until it is gone: true if it is, no row if it was before, anything
/// else if it may still live. A process id is used again, so the backend's start has to match
/// too; one that this role may not see (null) is neither ended nor taken to be another.
pub(super) fn terminate(backend: &Backend, wait_ms: u32) -> String {
    format!(
        "SELECT CASE WHEN activity.backend_start IS NOT NULL \
         THEN pg_catalog.pg_terminate_backend(activity.pid, {wait_ms}) END \
         FROM pg_catalog.pg_stat_get_activity({}) AS activity \
         WHERE (EXTRACT(epoch FROM activity.backend_start) = {}) IS NOT FALSE",
        backend.pid, backend.start
    )
}

/// As [`terminate`], but only a backend that is waiting for its client's next command.
///
/// One that is at its `COMMIT` may be waiting for a synchronous standby. To end it then would
/// commit without that standby, which is less than the user asked for.
pub(super) fn terminate_idle(backend: &Backend, wait_ms: u32) -> String {
    format!("{} AND activity.state LIKE 'idle in transaction%'", terminate(backend, wait_ms))
}

/// A string literal that means this text whatever `standard_conforming_strings` is, by the
/// rule of libpq's `PQescapeLiteral` (PostgreSQL manual, "Escaping Strings for Inclusion in
/// SQL Commands").
fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!(" E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_cannot_be_left() {
        assert_eq!(
            literal("indoubt:shop:0000002a9f3ac2d1:1:2:0"),
            "'indoubt:shop:0000002a9f3ac2d1:1:2:0'"
        );
        assert_eq!(literal("a'; DROP TABLE t; --"), "'a''; DROP TABLE t; --'");
        assert_eq!(literal(r"a\'b"), r" E'a\\''b'");
    }

    #[test]
    fn a_gid_is_quoted_wherever_it_goes() {
        let gid: BranchGid = "indoubt:shop:0000002a9f3ac2d1:1:2:0".parse().unwrap();
        assert_eq!(prepare(&gid), "PREPARE TRANSACTION 'indoubt:shop:0000002a9f3ac2d1:1:2:0'");
        assert_eq!(
            finish(&gid, Decision::Commit),
            "COMMIT PREPARED 'indoubt:shop:0000002a9f3ac2d1:1:2:0'"
        );
        assert_eq!(
            finish(&gid, Decision::Abort),
            "ROLLBACK PREPARED 'indoubt:shop:0000002a9f3ac2d1:1:2:0'"
        );
    }
}
