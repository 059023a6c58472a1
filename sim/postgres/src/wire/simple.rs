//! Simple queries: a string of statements, and what comes of each.

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::EmptyQueryResponse;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Connection, encode};
use crate::error::PgResult;
use crate::session::Done;
use crate::sql::{self, Statements};

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Runs a string. All of it is read before any of it runs.
    ///
    /// # Errors
    /// What was wrong; nothing behind that has run.
    pub(super) async fn simple(&mut self, query: &str) -> PgResult<()> {
        let statements = match self.parse(query) {
            Ok(statements) => statements,
            Err(error) => {
                self.session.fail_outside(&error);
                return Err(error);
            }
        };
        if statements.is_empty() {
            self.wire.push(&PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()));
            return Ok(());
        }
        let several = statements.len() > 1;
        for (at, statement) in statements.iter().enumerate() {
            let done = self.execute(statement, several, &[], &[]).await;
            let done = done.inspect_err(|_| self.cut_short())?;
            self.rows(&done);
            if at + 1 == statements.len() {
                self.session.settle().await?;
            }
            self.notices();
            self.wire.push(&encode::complete(&done.tag));
        }
        Ok(())
    }

    /// Reads a string, by the session's rule for backslashes.
    pub(super) fn parse(&self, query: &str) -> PgResult<Statements> {
        if !self.session.data.settings.is_on("standard_conforming_strings") {
            sql::refuse_backslashes(query)?;
        }
        self.session.shared.lock().known.read(query)
    }

    /// What a statement returns goes out before the end of its transaction, which may fail.
    fn rows(&mut self, done: &Done) {
        if let Some((fields, rows)) = &done.rows {
            self.wire.push(&encode::description(fields, &[]));
            self.notices();
            for row in rows {
                self.wire.push(&encode::row(fields, row, &[]));
            }
        }
    }

    /// What a statement had returned when it failed has gone out already.
    fn cut_short(&mut self) {
        if let Some(rows) = self.session.data.cut_short.take() {
            self.rows(&Done { tag: String::new(), rows: Some(rows) });
        }
    }
}
