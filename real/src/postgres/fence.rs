//! Stopping a backend whose client has given up on it.
//!
//! A `PREPARE TRANSACTION` whose socket died goes on: a `ROLLBACK PREPARED` that overtakes it
//! finds nothing (42704), and then the gid appears. Once its backend is gone nothing more can
//! come of it, and only then is "nothing there" final.
//!
//! Only a backend is ended that is certainly in the branch's transaction: its process, its start
//! and its xid are compared in the statement that ends it. A pooler may have given the process
//! to somebody else by now, and one that has left the transaction can add nothing to it. What
//! remains is the moment between the comparison and the signal, within one statement: a backend
//! that finishes the transaction in it, and is given to another client in it, is ended.

use std::time::Duration;

use indoubt::Lost;

use super::dial::Dialer;
use super::evidence::{Backend, Evidence, Xact};
use super::failure::Failure;
use super::handle::Postgres;
use super::sql;

/// How long the server may take to end a backend. One that is stuck in the kernel takes
/// longer; recovery then comes back to it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(25);

/// Sees to it that no backend is in the branch's transaction any more, and ends the one that is.
///
/// A role may always end its own sessions (PostgreSQL manual, "Server Signaling Functions").
///
/// # Errors
/// It is not known to have left: it does not end, or this role may not see it.
pub(super) async fn fence<D: Dialer>(
    postgres: &Postgres<D>,
    evidence: &Evidence,
) -> Result<(), Lost> {
    terminate(postgres, evidence, sql::terminate).await
}

/// As [`fence`], but leaves a backend alone that is at work.
pub(super) async fn fence_idle<D: Dialer>(
    postgres: &Postgres<D>,
    evidence: &Evidence,
) -> Result<(), Lost> {
    terminate(postgres, evidence, sql::terminate_idle).await
}

/// It is looked for until it is gone, each time over a session that others may use in between.
async fn terminate<D: Dialer>(
    postgres: &Postgres<D>,
    evidence: &Evidence,
    statement: fn(&Backend, &Xact) -> String,
) -> Result<(), Lost> {
    let backend = evidence.backend.as_ref();
    let backend = backend.ok_or_else(|| Lost::new("it is not known which backend to end"))?;
    let statement = statement(backend, &evidence.xact);
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        let control = postgres.control().await?;
        let rows = control.session().rows(&statement).await.map_err(Failure::into_lost);
        control.keep();
        if rows?.is_empty() {
            return Ok(());
        }
        postgres.inner.dialer.sleep(PAUSE).await;
    }
    Err(Lost::new(format!("backend {} did not end within {PATIENCE:?}", backend.pid)))
}
