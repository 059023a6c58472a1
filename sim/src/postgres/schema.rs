//! What is in a database before a run: rows, and branches that are not the coordinator's.
//!
//! That a row is not negative is a deferred constraint, as the workload has it: each row refers to its
//! sign, and of signs there is only one.

use std::fmt::Write;

use crate::parts::FOREIGN;

/// What a row is checked by at the end of its transaction.
pub(super) const TABLES: &str = "\
    CREATE TABLE signs (sign int PRIMARY KEY); \
    INSERT INTO signs VALUES (1); \
    CREATE TABLE rows (key bigint PRIMARY KEY, value bigint NOT NULL, \
    sign int NOT NULL DEFAULT 1 REFERENCES signs DEFERRABLE INITIALLY DEFERRED)";

/// What an empty server begins with: these rows, and what somebody else has prepared. Strings of
/// statements, each a transaction.
pub(super) fn scripts(rows: &[(u64, i64)]) -> Vec<String> {
    let mut script = TABLES.to_owned();
    for (key, value) in rows {
        let _infallible = write!(script, "; INSERT INTO rows (key, value) VALUES ({key}, {value})");
    }
    let foreign = FOREIGN.iter().zip(100..).map(|(gid, sign)| {
        format!("BEGIN; INSERT INTO signs VALUES ({sign}); PREPARE TRANSACTION '{gid}'")
    });
    std::iter::once(script).chain(foreign).collect()
}

/// Every row, by key.
pub(super) const ROWS: &str = "SELECT key, value FROM rows ORDER BY key";
