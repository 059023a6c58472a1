//! A branch at Postgres, as the user holds it: an open session inside a transaction.
//!
//! Absent: a pool (one session for each branch, closed when the branch has ended), and the
//! cancelling of a statement that the user has given up on while the branch goes on (its
//! `cancel_token` does that).

use std::fmt;
use std::ops::Deref;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::{Either, join, select};

use indoubt::BranchGid;
use tokio_postgres::Client;

use super::cancel::CancelToken;
use super::evidence::{Backend, Evidence};
use super::session::Session;
use super::sql;

/// How long a rollback may take before what it waits behind is cancelled.
const GRACE: Duration = Duration::from_millis(500);

/// How long a rollback may take after that, before the session is closed instead.
const PATIENCE: Duration = Duration::from_secs(2);

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
/// Every statement must be awaited, and every row stream and `COPY` finished or dropped, before
/// the commit. Of a branch that is still at work about a second after it was asked for its vote,
/// the vote is no, and says at what; a network or a server that is slow is waited for until the
/// deadline.
///
/// Of a statement that failed, [`is_retryable`](super::is_retryable) says whether the whole
/// transaction is worth another attempt: one that lost against others is, and so is one whose
/// connection was lost, since nothing of the branch was prepared.
///
/// Dropping a branch, and rolling it back, ends its transaction unless it was prepared. A
/// statement that still runs, or waits for a lock, is cancelled.
///
/// The transaction's setting `indoubt.branch` holds the branch's gid, so triggers can read it
/// with `current_setting('indoubt.branch', true)`. It must not be changed.
pub struct PostgresBranch {
    pub(super) gid: BranchGid,
    pub(super) session: Session,
    /// What has the session at the server; unknown where a role is in force that may not see it.
    pub(super) backend: Option<Backend>,
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
    /// A `COMMIT` was sent, in one phase, or without evidence because the branch wrote nothing;
    /// its effect is not known.
    Committing(Option<Evidence>),
    /// Committed in one phase, or ended without having written.
    Committed,
    /// Rolled back.
    RolledBack,
}

impl PostgresBranch {
    pub(super) fn new(gid: BranchGid, session: Session, backend: Option<Backend>) -> Self {
        Self { gid, session, backend, stage: Mutex::new(Stage::Open) }
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

    /// Rolls back a branch for which neither `PREPARE` nor `COMMIT` was sent, and cancels what it
    /// is still at work on.
    ///
    /// If the answer is lost then so is the session, and the server rolls back by itself.
    pub(super) async fn roll_back(&self) {
        let mut rolled_back = pin!(self.session.run(sql::ROLLBACK));
        let answer = match select(rolled_back.as_mut(), self.session.sleep(GRACE)).await {
            Either::Left((answer, _)) => Some(answer),
            Either::Right(_) => {
                let cancelled = self.session.cancel_token().cancel();
                let both = pin!(join(rolled_back, cancelled));
                match select(both, self.session.sleep(PATIENCE)).await {
                    Either::Left(((answer, _cancelled), _)) => Some(answer),
                    Either::Right(_) => None,
                }
            }
        };
        match answer {
            Some(Ok(())) => return self.end(Stage::RolledBack),
            Some(Err(failure)) => {
                let lost = failure.into_lost();
                tracing::debug!(gid = %self.gid, %lost, "rolled back by closing the session");
            }
            None => tracing::debug!(gid = %self.gid, "rolled back by closing a session at work"),
        }
        self.give_up();
    }

    /// Ends a branch for which neither `PREPARE` nor `COMMIT` was sent without waiting for the
    /// server, which rolls it back when it sees the session closed.
    pub(super) fn give_up(&self) {
        self.enter(Stage::RolledBack);
        self.session.give_up();
    }
}

/// A branch that was given up while it was open must not hold its locks for as long as its last
/// statement runs.
impl Drop for PostgresBranch {
    fn drop(&mut self) {
        if matches!(self.stage(), Stage::Open) {
            self.session.give_up();
        }
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
        let Self { gid, session: _, backend: _, stage: _ } = self;
        f.debug_struct("PostgresBranch")
            .field("gid", gid)
            .field("stage", &self.stage())
            .finish_non_exhaustive()
    }
}
