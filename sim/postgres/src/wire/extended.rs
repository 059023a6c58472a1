//! Extended queries: statements that are parsed, bound and executed apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{
    Bind, BindComplete, CloseComplete, Execute, Parse, ParseComplete, PortalSuspended,
};
use pgwire::messages::response::EmptyQueryResponse;
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Connection, encode};
use crate::error::{PgError, PgResult};
use crate::plan::Field;
use crate::session::{Done, describe};
use crate::sql::Statement;
use crate::value::{Row, Type, Value, binary, text};

/// What a client has parsed and bound.
#[derive(Default)]
pub(super) struct Extended {
    statements: BTreeMap<String, Arc<Parsed>>,
    portals: BTreeMap<String, Portal>,
    /// After an error, until the next `Sync`.
    skipping: bool,
}

struct Parsed {
    query: String,
    /// None if the string was empty.
    statement: Option<Arc<Statement>>,
    params: Vec<Type>,
    fields: Option<Vec<Field>>,
}

struct Portal {
    parsed: Arc<Parsed>,
    params: Vec<Value>,
    formats: Vec<i16>,
    /// What is left of what it returned, once it has run.
    ran: Option<Ran>,
}

struct Ran {
    tag: String,
    fields: Vec<Field>,
    returns_rows: bool,
    rows: std::vec::IntoIter<Row>,
}

impl Extended {
    pub(super) fn is_skipping(&self) -> bool {
        self.skipping
    }

    pub(super) fn skip(&mut self) {
        self.skipping = true;
    }

    pub(super) fn stop_skipping(&mut self) {
        self.skipping = false;
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Ends what was executed since the last `Sync`, with the portals of its transaction.
    ///
    /// # Errors
    /// It could not commit, and has rolled back.
    pub(super) async fn synchronise(&mut self) -> PgResult<()> {
        self.extended.stop_skipping();
        self.session.data.pipelining = false;
        let result = self.session.settle().await;
        if self.session.data.xact.is_none() {
            self.extended.portals.clear();
        }
        result
    }

    /// Obeys one message.
    ///
    /// # Errors
    /// What was wrong; until the next `Sync` nothing is obeyed any more.
    pub(super) async fn extended(&mut self, message: PgWireFrontendMessage) -> PgResult<()> {
        let result = match message {
            PgWireFrontendMessage::Parse(parse) => self.on_parse(parse),
            PgWireFrontendMessage::Bind(bind) => self.on_bind(bind),
            PgWireFrontendMessage::Describe(describe) => {
                self.on_describe(describe.target_type, &describe.name.unwrap_or_default())
            }
            PgWireFrontendMessage::Execute(execute) => return self.on_execute(execute).await,
            PgWireFrontendMessage::Close(close) => {
                let name = close.name.unwrap_or_default();
                if close.target_type == b'S' {
                    self.extended.statements.remove(&name);
                } else {
                    self.extended.portals.remove(&name);
                }
                self.wire.push(&PgWireBackendMessage::CloseComplete(CloseComplete::new()));
                Ok(())
            }
            _ => Err(PgError::fatal("08P01", "this message was not expected here")),
        };
        if let Err(error) = &result {
            self.session.fail_outside(error);
        }
        result
    }

    fn on_parse(&mut self, parse: Parse) -> PgResult<()> {
        self.active(&parse.query)?;
        let name = parse.name.unwrap_or_default();
        if !name.is_empty() && self.extended.statements.contains_key(&name) {
            let text = format!("prepared statement \"{name}\" already exists");
            return Err(PgError::new("42P05", text));
        }
        let statements = self.parse(&parse.query)?;
        if statements.len() > 1 {
            let text = "cannot insert multiple commands into a prepared statement";
            return Err(PgError::syntax(text));
        }
        let statement = statements.first().cloned();
        let given: PgResult<Vec<_>> = parse
            .type_oids
            .iter()
            .map(|oid| if *oid == 0 { Ok(Type::Unknown) } else { Type::from_oid(*oid) })
            .collect();
        self.session.enter(statement.as_deref(), false)?;
        let (params, fields) = if self.session.data.xact.is_some() {
            describe(&mut self.session, statement.as_deref(), given?)?
        } else {
            (given?, None)
        };
        let parsed = Parsed { query: parse.query, statement, params, fields };
        self.extended.statements.insert(name, Arc::new(parsed));
        self.wire.push(&PgWireBackendMessage::ParseComplete(ParseComplete::new()));
        Ok(())
    }

    fn on_bind(&mut self, bind: Bind) -> PgResult<()> {
        let name = bind.statement_name.unwrap_or_default();
        let parsed = self.statement(&name)?.clone();
        self.session.enter(parsed.statement.as_deref(), false)?;
        let (given, wanted) = (bind.parameters.len(), parsed.params.len());
        if given != wanted {
            let text = format!(
                "bind message supplies {given} parameters, but prepared statement \"{name}\" \
                 requires {wanted}"
            );
            return Err(PgError::new("08P01", text));
        }
        let mut params = Vec::new();
        for (at, (bytes, ty)) in bind.parameters.iter().zip(&parsed.params).enumerate() {
            let format = encode::format_of(&bind.parameter_format_codes, at);
            params.push(match bytes {
                None => Value::Null,
                Some(bytes) if format == 1 => binary::read(bytes, *ty)?,
                Some(bytes) => text::read(&binary::read_utf8(bytes)?, *ty)?,
            });
        }
        let formats = bind.result_column_format_codes;
        let portal = Portal { parsed, params, formats, ran: None };
        self.extended.portals.insert(bind.portal_name.unwrap_or_default(), portal);
        self.wire.push(&PgWireBackendMessage::BindComplete(BindComplete::new()));
        Ok(())
    }

    fn statement(&self, name: &str) -> PgResult<&Arc<Parsed>> {
        self.extended.statements.get(name).ok_or_else(|| {
            PgError::new("26000", format!("prepared statement \"{name}\" does not exist"))
        })
    }

    fn on_describe(&mut self, kind: u8, name: &str) -> PgResult<()> {
        let (fields, formats) = if kind == b'S' {
            let parsed = self.statement(name)?.clone();
            let types = parsed.params.iter().map(|ty| ty.oid()).collect();
            let message = ParameterDescription::new(types);
            self.wire.push(&PgWireBackendMessage::ParameterDescription(message));
            (parsed.fields.clone(), Vec::new())
        } else {
            let portal = self.extended.portals.get(name).ok_or_else(|| no_portal(name))?;
            (portal.parsed.fields.clone(), portal.formats.clone())
        };
        match fields {
            Some(fields) => self.wire.push(&encode::description(&fields, &formats)),
            None => self.wire.push(&PgWireBackendMessage::NoData(NoData::new())),
        }
        Ok(())
    }

    async fn on_execute(&mut self, execute: Execute) -> PgResult<()> {
        let name = execute.name.unwrap_or_default();
        let Some(mut portal) = self.extended.portals.remove(&name) else {
            let error = no_portal(&name);
            self.session.fail_outside(&error);
            return Err(error);
        };
        let parsed = Arc::clone(&portal.parsed);
        self.active(&parsed.query)?;
        let Some(statement) = &parsed.statement else {
            self.wire.push(&PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()));
            self.extended.portals.insert(name, portal);
            return Ok(());
        };
        if portal.ran.is_none() {
            let done = self.execute(statement, false, &portal.params, &parsed.params).await;
            let Done { tag, rows } = done.inspect_err(|_| {
                let (fields, rows) = self.session.data.cut_short.take().unwrap_or_default();
                for row in &rows {
                    self.wire.push(&encode::row(&fields, row, &portal.formats));
                }
            })?;
            let returns_rows = rows.is_some();
            let (fields, rows) = rows.unwrap_or_default();
            portal.ran = Some(Ran { tag, fields, returns_rows, rows: rows.into_iter() });
            let controls = statement.controls_transaction();
            self.session.data.pipelining = !controls;
            if controls {
                self.session.settle().await?;
            }
        }
        let most = usize::try_from(execute.max_rows).unwrap_or(0);
        let most = if most == 0 { usize::MAX } else { most };
        if let Some(ran) = &mut portal.ran {
            let mut sent = 0;
            while sent < most
                && let Some(row) = ran.rows.next()
            {
                self.wire.push(&encode::row(&ran.fields, &row, &portal.formats));
                sent += 1;
            }
            let suspended = ran.returns_rows && sent == most && ran.rows.len() > 0;
            // Of a query it tells how many rows went out this time.
            let tag = if ran.tag.starts_with("SELECT") {
                format!("SELECT {sent}")
            } else {
                ran.tag.clone()
            };
            self.notices();
            if suspended {
                let message = PortalSuspended::new();
                self.wire.push(&PgWireBackendMessage::PortalSuspended(message));
            } else {
                self.wire.push(&encode::complete(&tag));
            }
        }
        self.extended.portals.insert(name, portal);
        Ok(())
    }

    /// Runs a statement, also those that are about what was parsed.
    pub(super) async fn execute(
        &mut self,
        statement: &Statement,
        several: bool,
        params: &[Value],
        types: &[Type],
    ) -> PgResult<Done> {
        match statement {
            Statement::Deallocate(None) => {
                self.extended.statements.clear();
                Ok(Done::tag("DEALLOCATE ALL"))
            }
            Statement::Deallocate(Some(name)) => {
                self.statement(name)?;
                self.extended.statements.remove(name);
                Ok(Done::tag("DEALLOCATE"))
            }
            statement => self.session.execute(statement, several, params, types).await,
        }
    }
}

fn no_portal(name: &str) -> PgError {
    PgError::new("34000", format!("portal \"{name}\" does not exist"))
}
