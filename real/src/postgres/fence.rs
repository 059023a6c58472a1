//! Stopping a backend whose client has given up on it.
//!
//! A `PREPARE TRANSACTION` whose socket died goes on: a `ROLLBACK PREPARED` that overtakes it
//! finds nothing (42704), and then the gid appears. Once its backend is gone nothing more can
//! come of it, and only then is "nothing there" final.

use std::time::Duration;

use indoubt::Lost;

use super::failure::Failure;
use super::session::Session;
use super::sql;
use super::xact::Backend;

/// How long the server may take to end a backend. One that is stuck in the kernel takes
/// longer; recovery then comes back to it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked for, with a pause of [`sql::PAUSE`] between two looks.
const LOOKS: u32 = 100;

/// Ends a backend, if it still lives.
///
/// A role may always end its own sessions (PostgreSQL manual, "Server Signaling Functions").
///
/// # Errors
/// It is not known to be gone.
pub(super) async fn fence(session: &Session, backend: Option<&Backend>) -> Result<(), Lost> {
    let backend = backend.ok_or_else(|| Lost::new("it is not known which backend to end"))?;
    terminate(session, backend, &sql::terminate(backend, patience_ms())).await
}

/// As [`fence`], but leaves a backend alone that is at work.
pub(super) async fn fence_idle(session: &Session, backend: &Backend) -> Result<(), Lost> {
    terminate(session, backend, &sql::terminate_idle(backend, patience_ms())).await
}

/// A backend that is already leaving makes the server answer false at once, long before the
/// patience that it was given is over. So it is asked again until the backend is gone.
async fn terminate(session: &Session, backend: &Backend, statement: &str) -> Result<(), Lost> {
    for _ in 0..LOOKS {
        let rows = session.rows(statement).await.map_err(Failure::into_lost)?;
        if rows.iter().all(|row| row.get(0) == Some("t")) {
            return Ok(());
        }
        session.rows(sql::PAUSE).await.map_err(Failure::into_lost)?;
    }
    Err(Lost::new(format!("backend {} did not end within {PATIENCE:?}", backend.pid)))
}

fn patience_ms() -> u32 {
    u32::try_from(PATIENCE.as_millis()).unwrap_or(u32::MAX)
}
