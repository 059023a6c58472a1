//! What is asked of a server before the first branch.
//!
//! Beside these, the statements of a commit themselves are tried (`super::super::check`).

/// The server, and who one is there: who logged in, which role is in force, and whether that
/// one may end a session of the one that logged in; and whether it may see what is prepared.
pub(in crate::postgres) const CHECK: &str = "SELECT \
     pg_catalog.current_setting('server_version_num'), \
     pg_catalog.current_setting('max_prepared_transactions'), \
     pg_catalog.pg_is_in_recovery(), CURRENT_USER, SESSION_USER, \
     pg_catalog.pg_has_role(CURRENT_USER, SESSION_USER, 'USAGE') \
     OR pg_catalog.pg_has_role(CURRENT_USER, 'pg_signal_backend', 'USAGE'), \
     pg_catalog.quote_ident(CURRENT_USER), \
     pg_catalog.has_table_privilege('pg_catalog.pg_prepared_xacts', 'SELECT')";

/// The functions that the adapter calls, as they are written in a `GRANT`. Whoever may log in
/// may call them all, unless that was revoked.
pub(super) const FUNCTIONS: &[&str] = &[
    "pg_catalog.current_database()",
    "pg_catalog.current_setting(pg_catalog.text)",
    "pg_catalog.current_setting(pg_catalog.text, pg_catalog.bool)",
    "pg_catalog.extract(pg_catalog.text, pg_catalog.timestamptz)",
    "pg_catalog.pg_backend_pid()",
    "pg_catalog.pg_blocking_pids(pg_catalog.int4)",
    "pg_catalog.pg_control_checkpoint()",
    "pg_catalog.pg_control_recovery()",
    "pg_catalog.pg_control_system()",
    "pg_catalog.pg_current_xact_id()",
    "pg_catalog.pg_current_xact_id_if_assigned()",
    "pg_catalog.pg_is_in_recovery()",
    "pg_catalog.pg_prepared_xact()",
    "pg_catalog.pg_stat_get_activity(pg_catalog.int4)",
    "pg_catalog.pg_stat_get_bgwriter_stat_reset_time()",
    "pg_catalog.pg_terminate_backend(pg_catalog.int4, pg_catalog.int8)",
    "pg_catalog.pg_xact_status(pg_catalog.xid8)",
    "pg_catalog.set_config(pg_catalog.text, pg_catalog.text, pg_catalog.bool)",
    "pg_catalog.starts_with(pg_catalog.text, pg_catalog.text)",
    "pg_catalog.statement_timestamp()",
    "pg_catalog.to_hex(pg_catalog.int4)",
    "pg_catalog.transaction_timestamp()",
];

/// Those of [`FUNCTIONS`] that the role in force may not call, and of each whether it exists.
pub(in crate::postgres) fn lacking() -> String {
    let rows: Vec<_> = FUNCTIONS.iter().map(|signature| format!("('{signature}')")).collect();
    format!(
        "SELECT needed.signature, pg_catalog.to_regprocedure(needed.signature) IS NOT NULL \
         FROM (VALUES {}) AS needed(signature) WHERE pg_catalog.has_function_privilege(\
         pg_catalog.to_regprocedure(needed.signature)::pg_catalog.oid, 'EXECUTE') IS NOT TRUE",
        rows.join(", ")
    )
}
