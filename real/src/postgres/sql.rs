//! Every statement that the adapter sends, in one place: what it relies on of a server, and
//! what a simulated one has to understand.
//!
//! Functions and operators are qualified with `pg_catalog`, because a branch's session is the
//! user's too: its `search_path` may be anything, and an `=` of the user's own may come first.
//! So what has no qualified form is not used (`LIKE`, `IN`). Every function called here is on
//! the list of what a role needs (`check::FUNCTIONS`). Bind parameters are absent: the
//! transaction control commands accept none (42601).

mod check;

use indoubt::{BranchGid, CoordinatorId, Decision};

use super::evidence::{Backend, Xact};

pub(super) use check::{CHECK, lacking};

/// What a server is that does not say so at start-up: whether it is a standby, and whether its
/// transactions are read-only.
pub(super) const NATURE: &str = "SELECT pg_catalog.pg_is_in_recovery(), \
     pg_catalog.current_setting('transaction_read_only')";

/// Takes a session of the adapter's own out of the hands of whoever has set something for the
/// role or the database.
///
/// A timeout would end a wait that has a bound of its own; a serializable, deferrable, read-only
/// default would make every query wait for a safe snapshot. `synchronous_commit` is left alone:
/// how durable a branch's end is to be is for the database's owner to say.
pub(super) const PIN: &str = "SET search_path = pg_catalog, pg_temp; \
     SET default_transaction_isolation = 'read committed'; \
     SET default_transaction_read_only = off; \
     SET default_transaction_deferrable = off; \
     SET statement_timeout = 0; \
     SET lock_timeout = 0; \
     SET idle_in_transaction_session_timeout = 0; \
     SET idle_session_timeout = 0; \
     SET standard_conforming_strings = on; \
     SET DateStyle = 'ISO, YMD'";

/// What PostgreSQL 17 brought; refused with 42704 before.
pub(super) const PIN_IF_KNOWN: &str = "SET transaction_timeout = 0";

/// Whether the session still answers.
pub(super) const PING: &str = "SELECT 1";

pub(super) const ROLLBACK: &str = "ROLLBACK";

pub(super) const COMMIT: &str = "COMMIT";

/// A commit that waits for the local disk even where `synchronous_commit` is off: a plain
/// commit is otherwise lost in a crash, unlike a prepared one, which always flushes.
pub(super) const COMMIT_FLUSHED: &str = "SET LOCAL synchronous_commit = local; COMMIT";

/// The timeline of the history that this server writes now, in hexadecimal.
///
/// Of the two numbers in the control file, the one of the last checkpoint is behind from a
/// promotion to the first checkpoint after it; there the end of recovery counts, which a
/// promotion puts down before it admits a writer (`CreateEndOfRecoveryRecord`; `pg_rewind` reads
/// it the same way). The name of the current WAL file would tell it too, but some managed
/// services have no functions for that.
macro_rules! timeline {
    () => {
        "pg_catalog.to_hex(GREATEST(checkpoint.timeline_id, recovery.min_recovery_end_timeline))"
    };
}

/// Since when this server has lost nothing of what it had in memory: a crash discards its statistics,
/// which a shutdown keeps (PostgreSQL manual, "The Cumulative Statistics System"), so this changes with
/// one, whichever process crashed. It changes too when somebody resets these statistics.
macro_rules! era {
    () => {
        "EXTRACT(epoch FROM pg_catalog.pg_stat_get_bgwriter_stat_reset_time())"
    };
}

/// Where [`timeline!`] and the system identifier come from.
macro_rules! control_file {
    () => {
        "pg_catalog.pg_control_system() AS control, \
         pg_catalog.pg_control_checkpoint() AS checkpoint, \
         pg_catalog.pg_control_recovery() AS recovery"
    };
}

/// All that has to be known of a branch before it may end: whether this is still the
/// transaction that was begun, which one it is to the server, which backend has it, and
/// whether it runs in a transaction block at all.
///
/// A transaction that has no xid has written nothing here, but through a foreign server it may
/// have written elsewhere, whatever `transaction_read_only` says by now. So where there is any,
/// every branch is given an xid: then it is prepared like any other, which the use of a foreign
/// table refuses by itself (0A000), and how it ended can be asked later.
///
/// It fails (25P02) in a failed transaction. The backend's start is read as a number, since
/// the text of a timestamp depends on the session's settings.
pub(super) const EVIDENCE: &str = concat!(
    "SELECT pg_catalog.current_setting('indoubt.branch', true), \
     CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_foreign_server) \
     THEN pg_catalog.pg_current_xact_id() \
     ELSE pg_catalog.pg_current_xact_id_if_assigned() END, CURRENT_USER, \
     pg_catalog.current_setting('synchronous_commit'), control.system_identifier, ",
    timeline!(),
    ", activity.pid, EXTRACT(epoch FROM activity.backend_start), \
     pg_catalog.statement_timestamp() OPERATOR(pg_catalog.>) pg_catalog.transaction_timestamp(), ",
    era!(),
    " FROM ",
    control_file!(),
    ", pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS activity"
);

/// Which backend a session has: its process, and its start as a number, which only a role that
/// may see it is told. And where no `lock_timeout` is set, in milliseconds, this one is.
///
/// Asked before a branch begins, and so not in its transaction; in one whose isolation is given,
/// since a default of serializable, deferrable ones would have it wait for a safe snapshot.
pub(super) fn arrive(lock_timeout_ms: Option<i32>) -> String {
    let limit = lock_timeout_ms.map_or_else(String::new, |ms| {
        format!(
            ", CASE WHEN pg_catalog.current_setting('lock_timeout') OPERATOR(pg_catalog.=) '0' \
             THEN pg_catalog.set_config('lock_timeout', '{ms}', false) END"
        )
    });
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; \
         SELECT pg_catalog.pg_backend_pid(), EXTRACT(epoch FROM activity.backend_start){limit} \
         FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS activity; \
         COMMIT"
    )
}

/// Has a transaction open, and says in which backend. Its isolation is given as in [`arrive`].
pub(super) const HOLD: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_catalog.pg_backend_pid()";

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

/// The history that the server writes.
pub(super) const HISTORY: &str =
    concat!("SELECT control.system_identifier, ", timeline!(), " FROM ", control_file!());

/// How a transaction stands, with the history in which that answer holds.
pub(super) fn status(xact: &Xact) -> String {
    format!(
        concat!(
            "SELECT control.system_identifier, ",
            timeline!(),
            ", pg_catalog.pg_xact_status('{}'), ",
            era!(),
            " FROM ",
            control_file!()
        ),
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
         ON prepared.database OPERATOR(pg_catalog.=) pg_catalog.current_database() \
         AND pg_catalog.starts_with(prepared.gid, {})",
        literal(&owner.gid_prefix())
    )
}

/// What a backend is at: its state, what it waits for, which statement it runs or ran last, and
/// who holds the lock that it waits for. No row if it is gone, nulls if this role may not see it.
pub(super) fn activity(backend: &Backend) -> String {
    format!(
        "SELECT activity.state, activity.wait_event_type, activity.wait_event, activity.query, \
         CASE WHEN activity.wait_event_type OPERATOR(pg_catalog.=) 'Lock' \
         THEN pg_catalog.pg_blocking_pids(activity.pid) END \
         FROM pg_catalog.pg_stat_get_activity({}) AS activity \
         WHERE EXTRACT(epoch FROM activity.backend_start) OPERATOR(pg_catalog.=) {}",
        backend.pid, backend.start
    )
}

/// Ends a backend that is in this transaction: no row if none is, neither any more; a row if it
/// may still be, also where this role cannot see it (null), which is neither ended nor taken to
/// be gone.
///
/// A process id is used again, so the backend's start has to match; and a backend may serve
/// another client by now, so the xid has to, which it has from the moment that the evidence was
/// taken to the moment that the transaction is prepared or over. The view shows it without its
/// epoch.
pub(super) fn terminate(backend: &Backend, xact: &Xact) -> String {
    format!(
        "SELECT CASE WHEN activity.backend_start IS NOT NULL \
         THEN pg_catalog.pg_terminate_backend(activity.pid, 0) END \
         FROM pg_catalog.pg_stat_get_activity({}) AS activity \
         WHERE (activity.backend_start IS NULL \
         OR (EXTRACT(epoch FROM activity.backend_start) OPERATOR(pg_catalog.=) {} \
         AND COALESCE(activity.backend_xid::pg_catalog.text, '') OPERATOR(pg_catalog.=) '{}'))",
        backend.pid,
        backend.start,
        xact.xid & u64::from(u32::MAX)
    )
}

/// As [`terminate`], but only a backend that is waiting for its client's next command.
///
/// One that is at its `COMMIT` may be waiting for a synchronous standby. To end it then would
/// commit without that standby, which is less than the user asked for.
pub(super) fn terminate_idle(backend: &Backend, xact: &Xact) -> String {
    format!(
        "{} AND pg_catalog.starts_with(activity.state, 'idle in transaction')",
        terminate(backend, xact)
    )
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
            literal("indoubt:shop:0000000100000002:1:2:0"),
            "'indoubt:shop:0000000100000002:1:2:0'"
        );
        assert_eq!(literal("a'; DROP TABLE t; --"), "'a''; DROP TABLE t; --'");
        assert_eq!(literal(r"a\'b"), r" E'a\\''b'");
    }

    #[test]
    fn a_gid_is_quoted_wherever_it_goes() {
        let gid: BranchGid = "indoubt:shop:0000000100000002:1:2:0".parse().unwrap();
        assert_eq!(prepare(&gid), "PREPARE TRANSACTION 'indoubt:shop:0000000100000002:1:2:0'");
        assert_eq!(
            finish(&gid, Decision::Commit),
            "COMMIT PREPARED 'indoubt:shop:0000000100000002:1:2:0'"
        );
        assert_eq!(
            finish(&gid, Decision::Abort),
            "ROLLBACK PREPARED 'indoubt:shop:0000000100000002:1:2:0'"
        );
    }

    /// A function that is called and not on the list would only be missed at a commit.
    #[test]
    fn every_function_that_is_called_is_on_the_list_of_what_a_role_needs() {
        let (shipped, _tests) = include_str!("sql.rs").split_once("#[cfg(test)]").unwrap();
        let code = shipped.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = code.collect::<Vec<_>>().join("\n");
        let called: std::collections::BTreeSet<_> = code
            .split("pg_catalog.")
            .skip(1)
            .filter_map(|rest| rest.split_once('('))
            .map(|(name, _)| name)
            .filter(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
            .collect();
        assert!(called.contains("pg_xact_status") && called.len() > 10, "{called:?}");
        for name in called {
            let start = format!("pg_catalog.{name}(");
            assert!(check::FUNCTIONS.iter().any(|needed| needed.starts_with(&start)), "{name}");
        }
    }

    #[test]
    fn every_operator_is_qualified() {
        let xact = Xact { xid: 3, system: 1, timeline: 1, era: None };
        let backend = Backend { pid: 1, start: "1.5".to_owned() };
        let owner = "shop".parse().unwrap();
        let statements = [
            NATURE.to_owned(),
            EVIDENCE.to_owned(),
            CHECK.to_owned(),
            lacking(),
            status(&xact),
            in_doubt(&owner),
            arrive(Some(10_000)),
            HOLD.to_owned(),
            activity(&backend),
            terminate(&backend, &xact),
            terminate_idle(&backend, &xact),
        ];
        for statement in statements {
            let bare = statement.replace("OPERATOR(pg_catalog.=)", "");
            let bare = bare.replace("OPERATOR(pg_catalog.>)", "");
            for operator in ['=', '<', '>', '~', '|', '+', '*', '/', '%', '!', '@'] {
                assert!(!bare.contains(operator), "{operator} in {statement}");
            }
            for word in [" LIKE ", " IN (", " BETWEEN ", " SIMILAR ", " DISTINCT "] {
                assert!(!bare.contains(word), "{word} in {statement}");
            }
        }
    }
}
