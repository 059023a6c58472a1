//! The session on which branches are ended that have none of their own.
//!
//! At most one for each participant, opened when first needed: after a crash there may be
//! thousands of branches to finish, and a server has few connections. Whoever uses it has
//! it alone, since a fence may keep it waiting.

use futures::lock::{Mutex, MutexGuard};
use indoubt::Lost;
use tokio_postgres::Config;

use super::dial::Dialer;
use super::session::Session;
use super::sql;

/// A place for one idle session.
#[derive(Default)]
pub(super) struct Control {
    idle: Mutex<Option<Session>>,
}

/// The control session, in use.
///
/// # Cancel safety
/// It is taken out of its place and only [`keep`](Self::keep) puts it back. If a future that
/// has it is dropped, it is closed: a statement given up on may still occupy it for long.
pub(super) struct Lease<'a> {
    place: MutexGuard<'a, Option<Session>>,
    session: Session,
}

impl Control {
    /// Waits for the session to be free, and sees to it that it is alive.
    pub(super) async fn lease<D: Dialer>(
        &self,
        dialer: &D,
        config: &Config,
    ) -> Result<Lease<'_>, Lost> {
        let mut place = self.idle.lock().await;
        if let Some(session) = place.take()
            && session.run(sql::PING).await.is_ok()
        {
            return Ok(Lease { place, session });
        }
        let session = Session::open_pinned(dialer, config).await;
        let session = session.map_err(|error| Lost::new(error.to_string()))?;
        Ok(Lease { place, session })
    }
}

impl Lease<'_> {
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Leaves the session for the next one who needs it.
    pub(super) fn keep(mut self) {
        if !self.session.is_closed() {
            *self.place = Some(self.session);
        }
    }
}
