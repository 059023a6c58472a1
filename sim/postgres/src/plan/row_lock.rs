//! `FOR UPDATE` and its like.
//!
//! Absent: `OF`, and the locks of a query that is not of one table.

use sqlparser::ast;

use super::query::Query;
use super::{Analyzer, Source};
use crate::error::{PgError, PgResult};
use crate::heap::RowLock;
use crate::locks::Mode;

/// `FOR UPDATE` and its like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Locking {
    pub(crate) strength: RowLock,
    pub(crate) wait: NoWait,
}

/// What is done about a row that somebody else has locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoWait {
    Wait,
    Error,
    Skip,
}

impl Locking {
    /// `NO KEY UPDATE` for `UPDATE`, and `KEY SHARE` for `SHARE`.
    pub(super) fn weaken(&mut self) {
        self.strength = match self.strength {
            RowLock::Update | RowLock::NoKeyUpdate => RowLock::NoKeyUpdate,
            RowLock::Share | RowLock::KeyShare => RowLock::KeyShare,
        };
    }
}

pub(super) fn locking(
    analyzer: &mut Analyzer<'_>,
    query: &ast::Query,
    lock: &ast::LockClause,
    plan: &Query,
) -> PgResult<Locking> {
    let Source::Table(table) = plan.source else {
        return Err(PgError::unsupported("row locks in a query that is not of one table"));
    };
    if query.locks.len() > 1 || lock.of.is_some() || plan.distinct || plan.group.is_some() {
        return Err(PgError::unsupported("row locks with OF, DISTINCT or groups"));
    }
    analyzer.uses.push((table, "update", Mode::RowShare));
    Ok(Locking {
        strength: match lock.lock_type {
            ast::LockType::Share => RowLock::Share,
            ast::LockType::Update => RowLock::Update,
        },
        wait: match lock.nonblock {
            None => NoWait::Wait,
            Some(ast::NonBlock::Nowait) => NoWait::Error,
            Some(ast::NonBlock::SkipLocked) => NoWait::Skip,
        },
    })
}
