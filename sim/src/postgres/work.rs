//! The work that scenarios have, as SQL at a branch.

use indoubt_real::PostgresBranch;
use tokio_postgres::error::SqlState;

use crate::parts::{Op, WorkRefused, Works};

/// A key as the column has it: the same bits.
const fn column(key: u64) -> i64 {
    key.cast_signed()
}

impl Works for PostgresBranch {
    type Op = Op;

    async fn work(&self, op: Op) -> Result<Option<i64>, WorkRefused> {
        let done = match op {
            Op::Read { key } => {
                let read = "SELECT value FROM rows WHERE key = $1";
                self.query_opt(read, &[&column(key)]).await.map(|row| row.map(|row| row.get(0)))
            }
            Op::Add { key, delta } => {
                let add = "UPDATE rows SET value = value + $2, \
                           sign = CASE WHEN value + $2 < 0 THEN -1 ELSE 1 END \
                           WHERE key = $1 RETURNING value";
                let row = self.query_opt(add, &[&column(key), &delta]).await;
                row.map(|row| row.map(|row| row.get(0)))
            }
            Op::Insert { key, value } => {
                let insert = "INSERT INTO rows (key, value) VALUES ($1, $2)";
                self.execute(insert, &[&column(key), &value]).await.map(|_| None)
            }
        };
        done.map_err(|error| match error.code() {
            Some(code) if *code == SqlState::UNIQUE_VIOLATION => WorkRefused::Exists,
            Some(code)
                if *code == SqlState::LOCK_NOT_AVAILABLE
                    || *code == SqlState::T_R_DEADLOCK_DETECTED =>
            {
                WorkRefused::Locked
            }
            Some(code) => WorkRefused::Other(format!("{}: {error}", code.code())),
            None => WorkRefused::NoSession,
        })
    }
}
