//! A branch at Postgres, as the user holds it: an open session inside a transaction.
//!
//! Absent: a pool (one session for each branch, closed when the branch has ended), and the
//! cancelling of a statement that the user has given up on (its `cancel_token` does that).

use std::fmt;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use indoubt::BranchGid;
use tokio_postgres::Client;

use super::cancel::CancelToken;
use super::session::Session;
use super::sql;
use super::xact::Evidence;

/// A branch of a transaction at a Postgres: a [`Client`] whose transaction has begun.
///
/// It dereferences to tokio-postgres's [`Client`], so any SQL can be run on it, `SET
/// TRANSACTION` and `SAVEPOINT` included. What must not be done:
///
/// - **End the transaction by hand** (`COMMIT`, `ROLLBACK`, `PREPARE TRANSACTION`, also
///   within a string of several statements). The branch then votes no, and says why; but
///   what was committed by hand is committed.
/// - **Run statements while the transaction commits**, or after: from its vote on the
///   branch is out of the user's hands, and a statement would run in a transaction of its own.
///
/// What Postgres will not prepare, and the branch therefore votes no on: temporary tables
/// (even a `SELECT` from one), `LISTEN`, `UNLISTEN` and `NOTIFY`, cursors `WITH HOLD`,
/// exported snapshots (PostgreSQL manual, `PREPARE TRANSACTION`). And a role that was set
/// must be reset before the commit: a branch prepared under it could be finished by no other.
///
/// A branch that wrote nothing drops out at its vote. What it held without writing, such as
/// advisory locks, is released then, and a `NOTIFY` in it is sent then.
///
/// Dropping a branch closes its session, upon which the server rolls it back unless it was
/// prepared. A server that is at work on a statement or waits for a lock notices that only
/// afterwards, unless `client_connection_check_interval` is set.
///
/// The transaction's setting `indoubt.branch` holds the branch's gid, so triggers can read it
/// with `current_setting('indoubt.branch', true)`. It must not be changed.
pub struct PostgresBranch {
    pub(super) gid: BranchGid,
    pub(super) session: Session,
    stage: Mutex<Stage>,
}

/// How far a branch has come. It never runs ahead of what was sent, and what was sent is
/// noted before it is sent, so that a future dropped at any await leaves it true.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Neither a `PREPARE` nor a `COMMIT` was ever sent: it can only roll back.
    Open,
    /// A `PREPARE` was sent; its effect is not known.
    Preparing(Evidence),
    /// Prepared.
    Prepared(Evidence),
    /// A `COMMIT` in one phase was sent; its effect is not known. Without evidence if the
    /// branch wrote nothing.
    Committing(Option<Evidence>),
    /// Committed in one phase, or ended without having written.
    Committed,
    /// Rolled back.
    RolledBack,
}

impl PostgresBranch {
    pub(super) fn new(gid: BranchGid, session: Session) -> Self {
        Self { gid, session, stage: Mutex::new(Stage::Open) }
    }

    /// The branch's gid: what it is prepared under.
    pub fn gid(&self) -> &BranchGid {
        &self.gid
    }

    /// What cancels a statement that runs in this branch, from another task. The statement
    /// fails with 57014, and as after any that failed the branch can only roll back, or go
    /// back to a savepoint.
    ///
    /// This is not the client's own token of that name, which this hides: the client does not
    /// know how its server is reached, so its token cannot connect.
    pub fn cancel_token(&self) -> CancelToken {
        self.session.cancel_token().clone()
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn enter(&self, stage: Stage) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    /// Notes how the branch ended, and closes its session: a handle that the user still holds
    /// must not run statements outside of any transaction.
    pub(super) fn end(&self, stage: Stage) {
        self.enter(stage);
        self.session.close();
    }

    /// Rolls back a branch for which neither `PREPARE` nor `COMMIT` was sent.
    ///
    /// If the answer is lost then so is the session, and the server rolls back by itself.
    pub(super) async fn roll_back(&self) {
        if let Err(failure) = self.session.run(sql::ROLLBACK).await {
            let lost = failure.into_lost();
            tracing::debug!(gid = %self.gid, %lost, "rolled back by closing the session");
        }
        self.end(Stage::RolledBack);
    }
}

impl Deref for PostgresBranch {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.session.client()
    }
}

impl fmt::Debug for PostgresBranch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gid, session: _, stage: _ } = self;
        f.debug_struct("PostgresBranch")
            .field("gid", gid)
            .field("stage", &self.stage())
            .finish_non_exhaustive()
    }
}
