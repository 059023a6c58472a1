//! The protocol (PostgreSQL manual, "Frontend/Backend Protocol"): a client's bytes in, a
//! backend's answers out.

mod encode;
mod extended;
mod scram;
mod simple;
mod startup;
mod stream;

use pgwire::messages::response::{ReadyForQuery, TransactionStatus};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::{PgError, PgResult};
use crate::locks::Owner;
use crate::server::{Activity, Phase, SILENT, Server};
use crate::session::{Block, Session};
use extended::Extended;
use stream::{Event, Wire};

/// A client's connection to a session.
struct Connection<S> {
    wire: Wire<S>,
    session: Session,
    extended: Extended,
    /// What the client was told of settings last, in the order in which they are told.
    reported: Vec<String>,
    /// Of which settings that was, and whether of a superuser.
    reported_version: Option<(u64, bool)>,
}

/// Serves one client.
pub(crate) async fn serve<S>(server: Server, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut wire = Wire::new(stream);
    let mut connection = match startup::start(&server, &mut wire).await {
        Ok(Some(session)) => {
            let (extended, reported) = (Extended::default(), Vec::new());
            Connection { wire, session, extended, reported, reported_version: None }
        }
        Ok(None) => return wire.close().await,
        Err(error) => {
            server.lock().edges.observer().refused(error.code, None);
            wire.error(&error);
            return wire.close().await;
        }
    };
    let end = connection.run().await;
    if let Err(error) = &end
        && error.message != SILENT
    {
        connection.is_refused(error);
    }
    connection.session.close();
    leave(&server, &connection.session);
    let Connection { mut wire, .. } = connection;
    if let Err(error) = end
        && error.message != SILENT
    {
        wire.error(&error);
    }
    wire.close().await;
}

/// A backend is gone, and all that it held.
fn leave(server: &Server, session: &Session) {
    let mut state = server.lock();
    if state.generation != session.shared.generation {
        return;
    }
    let pid = session.data.pid;
    let granted = state.locks.release_all(Owner::Backend(pid), true);
    state.wake(granted);
    state.backends.remove(&pid);
    if state.backends.is_empty() && state.phase == Phase::ShuttingDown {
        state.phase = Phase::Stopped;
    }
    state.wake_all();
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// From the first answer to the end of the session.
    ///
    /// # Errors
    /// What ends it other than the client's leave.
    async fn run(&mut self) -> PgResult<()> {
        self.greet();
        self.ready().await?;
        loop {
            match self.wire.next(&self.session).await? {
                Event::Gone | Event::Message(PgWireFrontendMessage::Terminate(_)) => return Ok(()),
                Event::Notified => {
                    self.notify();
                    self.wire.flush(&self.session.shared).await?;
                }
                Event::Message(message) => self.obey(message).await?,
            }
            // Whoever cannot be answered is gone (`ClientConnectionLost`).
            if self.wire.is_dead() {
                return Ok(());
            }
        }
    }

    async fn obey(&mut self, message: PgWireFrontendMessage) -> PgResult<()> {
        if self.extended.is_skipping() && !matches!(message, PgWireFrontendMessage::Sync(_)) {
            return Ok(());
        }
        match message {
            PgWireFrontendMessage::Query(query) => {
                self.active(&query.query)?;
                let result = self.simple(&query.query).await;
                self.refuse(result)?;
                self.ready().await
            }
            PgWireFrontendMessage::Sync(_) => {
                let result = self.synchronise().await;
                self.refuse(result)?;
                self.ready().await
            }
            PgWireFrontendMessage::Flush(_) => self.wire.flush(&self.session.shared).await,
            message if message.is_extended_query() => {
                let result = self.extended(message).await;
                if result.is_err() {
                    self.extended.skip();
                }
                self.refuse(result)
            }
            // What comes of a COPY that was refused.
            PgWireFrontendMessage::CopyData(_)
            | PgWireFrontendMessage::CopyFail(_)
            | PgWireFrontendMessage::CopyDone(_) => Ok(()),
            _ => Err(PgError::fatal("08P01", "this message was not expected here")),
        }
    }

    /// Tells who observes of an error.
    fn is_refused(&self, error: &PgError) {
        let state = self.session.shared.lock();
        let tag = self.session.data.tag(&state);
        state.edges.observer().refused(error.code, tag.as_deref());
    }

    /// Tells the client of an error that it survives.
    fn refuse(&mut self, result: PgResult<()>) -> PgResult<()> {
        match result {
            Err(error) if !error.is_fatal() => {
                self.notices();
                self.is_refused(&error);
                self.wire.error(&error);
                Ok(())
            }
            result => result,
        }
    }

    pub(super) fn notices(&mut self) {
        for notice in self.session.data.notices.drain(..) {
            self.wire.notice(&notice);
        }
    }

    /// A statement begins.
    pub(super) fn active(&mut self, query: &str) -> PgResult<()> {
        let mut state = self.session.shared.alive()?;
        let now = state.now();
        self.session.data.statement_start = now;
        if let Some(backend) = state.backends.get_mut(&self.session.data.pid) {
            // What was asked of a session that was idle is too late.
            backend.cancelled = false;
            backend.state = Activity::Active;
            query.clone_into(&mut backend.query);
            backend.query_start = Some(now);
            backend.state_change = now;
        }
        Ok(())
    }

    /// Nothing is left to be done: what there is goes out, with where the transaction stands.
    async fn ready(&mut self) -> PgResult<()> {
        let (status, activity) = match self.session.data.block {
            Block::Idle => (TransactionStatus::Idle, Activity::Idle),
            Block::Failed => (TransactionStatus::Error, Activity::IdleInFailedTransaction),
            Block::Single | Block::Implicit | Block::Open => {
                (TransactionStatus::Transaction, Activity::IdleInTransaction)
            }
        };
        self.notices();
        self.session.publish_name();
        self.report();
        if activity == Activity::Idle {
            self.notify();
        }
        {
            let mut state = self.session.shared.alive()?;
            let now = state.now();
            if let Some(backend) = state.backends.get_mut(&self.session.data.pid) {
                backend.state = activity;
                backend.state_change = now;
            }
        }
        self.wire.push(&PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(status)));
        self.wire.flush(&self.session.shared).await
    }
}
