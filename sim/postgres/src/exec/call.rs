//! The functions themselves.

use std::time::Duration;

use super::{Evaluator, Stop, Wait};
use crate::error::PgError;
use crate::heap::Status;
use crate::locks::{Mode, Owner, Span, Tag};
use crate::plan::functions::{self, Advisory, Func};
use crate::server::admin_shutdown;
use crate::value::{Decimal, Type, Value};

impl Evaluator<'_> {
    /// Calls a function. All are strict: of null comes null.
    pub(super) fn call(
        &mut self,
        func: Func,
        args: &[Value],
        types: &[Type],
    ) -> Result<Value, Stop> {
        if args.iter().any(Value::is_null) {
            return Ok(Value::Null);
        }
        let has_effect = matches!(
            func,
            Func::AdvisoryLock(_)
                | Func::AdvisoryUnlock
                | Func::CancelBackend
                | Func::SetConfig
                | Func::Sleep
                | Func::TerminateBackend
                | Func::Notify
        );
        if !has_effect {
            return self.look(func, args, types);
        }
        if let Some(before) = self.journal.next() {
            return Ok(before);
        }
        let result = self.act(func, args)?;
        self.journal.keep(result.clone());
        Ok(result)
    }

    fn act(&mut self, func: Func, args: &[Value]) -> Result<Value, Stop> {
        Ok(match func {
            Func::AdvisoryLock(how) => return self.advisory(how, args),
            Func::AdvisoryUnlock => {
                let (tag, owner) = (self.advisory_tag(args), Owner::Backend(self.session.pid));
                let granted = self.state.locks.release(owner, tag, Mode::Exclusive, Span::Session);
                let held = granted.is_some();
                self.state.wake(granted.unwrap_or_default());
                if !held {
                    let text = "you don't own a lock of type ExclusiveLock";
                    self.session.notices.push(PgError::warning("01000", text));
                }
                Value::Bool(held)
            }
            Func::CancelBackend => {
                let pid = int(&args[0]);
                let target = self.signal(pid, "canceled")?;
                if target && let Some(backend) = self.state.backends.get_mut(&pid) {
                    backend.cancelled = true;
                    self.state.wake([pid]);
                }
                Value::Bool(target)
            }
            Func::TerminateBackend => {
                let pid = int(&args[0]);
                if !self.signal(pid, "terminated")? {
                    return Ok(Value::Bool(false));
                }
                if let Some(backend) = self.state.backends.get_mut(&pid) {
                    backend.terminated.get_or_insert_with(admin_shutdown);
                    self.state.wake([pid]);
                }
                let within = args.get(1).and_then(Value::as_int).unwrap_or(0);
                let within = Duration::from_millis(u64::try_from(within).unwrap_or(0));
                if !within.is_zero() {
                    return Err(Stop::Wait(Wait::Gone { pid, within }));
                }
                Value::Bool(true)
            }
            Func::SetConfig => {
                let name = text(&args[0]).to_lowercase();
                let (value, local) = (text(&args[1]), args[2].is_true());
                self.session.set(&name, Some(value), local)?;
                Value::text(self.session.show(self.state, &name)?)
            }
            Func::Sleep => {
                let Value::Float(seconds) = args[0] else { return Ok(Value::Null) };
                let duration = Duration::try_from_secs_f64(seconds.max(0.0));
                return Err(Stop::Wait(Wait::Sleep(duration.unwrap_or(Duration::MAX))));
            }
            Func::Notify => {
                let xact = self.session.xact_mut();
                xact.notifies.push((text(&args[0]).to_owned(), text(&args[1]).to_owned()));
                xact.unpreparable = Some(crate::session::LISTENS);
                Value::text("")
            }
            _ => unreachable!("only functions with an effect come here"),
        })
    }

    /// Whether there is a backend to be signalled.
    fn signal(&mut self, pid: i32, done: &str) -> Result<bool, PgError> {
        let Some(target) = self.state.backends.get(&pid) else {
            let text = format!("PID {pid} is not a PostgreSQL backend process");
            self.session.notices.push(PgError::warning("01000", text));
            return Ok(false);
        };
        let (me, catalog) = (self.session.current_user(), &self.state.catalog);
        if catalog.is_superuser(&target.user) && !catalog.is_superuser(&me) {
            let text = format!("must be a superuser to have a superuser's process {done}");
            return Err(PgError::new("42501", text));
        }
        let may =
            catalog.is_member(&me, &target.user) || catalog.is_member(&me, "pg_signal_backend");
        if !may {
            return Err(PgError::new(
                "42501",
                format!(
                    "must be a member of the role whose process is being {done} or member of \
                     pg_signal_backend"
                ),
            ));
        }
        Ok(true)
    }

    fn advisory_tag(&self, args: &[Value]) -> Tag {
        let database = self.session.database;
        match args {
            [key] => Tag::Advisory(database, 1, key.as_int().unwrap_or(0)),
            [high, low, ..] => {
                let (high, low) = (int(high), int(low));
                let key = (i64::from(high) << 32) | i64::from(low.cast_unsigned());
                Tag::Advisory(database, 2, key)
            }
            [] => Tag::Advisory(database, 0, 0),
        }
    }

    fn advisory(&mut self, how: Advisory, args: &[Value]) -> Result<Value, Stop> {
        let tag = self.advisory_tag(args);
        let mode = if how.shared { Mode::Share } else { Mode::Exclusive };
        let span = if how.transaction { Span::Transaction } else { Span::Session };
        if how.wait {
            // Also if it is free: it is taken where locks are waited for.
            return Err(Stop::Wait(Wait::Lock { tag, mode, span }));
        }
        let taken = self.state.locks.take(Owner::Backend(self.session.pid), tag, mode, span);
        if taken && span == Span::Transaction {
            self.session.xact_mut().locks.push((tag, mode));
        }
        Ok(Value::Bool(taken))
    }

    fn look(&mut self, func: Func, args: &[Value], types: &[Type]) -> Result<Value, Stop> {
        Ok(match func {
            Func::Abs => match &args[0] {
                Value::Int(int) => crate::value::text::in_range(
                    int.checked_abs()
                        .ok_or_else(|| PgError::new("22003", "bigint out of range"))?,
                    types[0],
                )?,
                Value::Numeric(decimal) => {
                    Value::Numeric(Decimal::new(decimal.units.abs(), decimal.scale))
                }
                Value::Float(float) => Value::Float(float.abs()),
                _ => Value::Null,
            },
            Func::AdvisoryUnlockAll => {
                let granted = self.state.locks.release_session(Owner::Backend(self.session.pid));
                self.state.wake(granted);
                Value::text("")
            }
            Func::BackendPid => Value::Int(self.session.pid.into()),
            Func::BlockingPids => {
                let pids = self.state.locks.blockers(int(&args[0]));
                Value::Array(pids.into_iter().map(|pid| Value::Int(pid.into())).collect())
            }
            Func::ClockTimestamp => Value::Timestamp(self.state.now()),
            Func::CurrentDatabase => {
                Value::text(self.state.catalog.database_name(self.session.database))
            }
            Func::CurrentSchema => Value::text("public"),
            Func::CurrentSetting => {
                let name = text(&args[0]).to_lowercase();
                match self.session.show(self.state, &name) {
                    Ok(value) => Value::Text(value),
                    Err(_) if args.get(1).is_some_and(Value::is_true) => Value::Null,
                    Err(error) => return Err(error.into()),
                }
            }
            Func::CurrentUser => Value::text(self.session.current_user()),
            Func::SessionUser => Value::text(self.session.session_user()),
            Func::CurrentXid => Value::xid(self.session.assign_top(self.state)),
            Func::CurrentXidIfAssigned => self.session.xact().xid.map_or(Value::Null, Value::xid),
            Func::ExportSnapshot => {
                if !self.session.xact().subs.is_empty() {
                    let text = "cannot export a snapshot from a subtransaction";
                    return Err(PgError::new("25001", text).into());
                }
                self.session.xact_mut().unpreparable =
                    Some("cannot PREPARE a transaction that has exported snapshots");
                Value::text(format!("{:08X}-00000001-1", self.session.pid))
            }
            Func::ExtractEpoch => {
                let moment = args.last();
                let Some(Value::Timestamp(micros)) = moment else { return Ok(Value::Null) };
                Value::Numeric(Decimal::new((*micros).into(), 6))
            }
            Func::HasFunctionPrivilege => Value::Bool(true),
            Func::HasRole => self.has_role(args)?,
            Func::HasTablePrivilege => Value::Bool(self.may(text(&args[0]), text(&args[1]))?),
            Func::BgwriterStatResetTime => Value::Timestamp(self.state.stats_reset),
            // A primary, whatever has become of others.
            Func::IsInRecovery => Value::Bool(false),
            Func::Length => match &args[0] {
                Value::Text(text) => count(text.chars().count()),
                Value::Bytes(bytes) => count(bytes.len()),
                _ => Value::Null,
            },
            Func::Lower => Value::Text(text(&args[0]).to_lowercase()),
            Func::Upper => Value::Text(text(&args[0]).to_uppercase()),
            Func::Md5 => return Err(PgError::unsupported("md5()").into()),
            Func::Mod => {
                super::calculate::arith(crate::plan::Arith::Rem, types[0], &args[0], &args[1])?
            }
            Func::QuoteIdent => Value::Text(quote_ident(text(&args[0]))),
            Func::QuoteLiteral => Value::Text(format!("'{}'", text(&args[0]).replace('\'', "''"))),
            Func::Repeat => {
                let times = usize::try_from(int(&args[1])).unwrap_or(0);
                Value::Text(text(&args[0]).repeat(times))
            }
            Func::Replace => Value::Text(text(&args[0]).replace(text(&args[1]), text(&args[2]))),
            Func::StartsWith => Value::Bool(text(&args[0]).starts_with(text(&args[1]))),
            Func::StatementTimestamp => Value::Timestamp(self.session.statement_start),
            Func::TransactionTimestamp => Value::Timestamp(self.session.xact().started),
            Func::Substr => Value::Text(substr(text(&args[0]), &args[1..])),
            Func::ToHex => {
                let int = args[0].as_int().unwrap_or(0);
                Value::Text(match types[0] {
                    Type::Int4 => format!("{:x}", i32::try_from(int).unwrap_or(0)),
                    _ => format!("{int:x}"),
                })
            }
            Func::ToRegprocedure => {
                functions::by_signature(text(&args[0])).map_or(Value::Null, Value::Int)
            }
            Func::Version => {
                let version = &self.state.options.server_version;
                Value::text(format!("PostgreSQL {version} (simulated)"))
            }
            Func::XactStatus => self.xact_status(args[0].as_int().unwrap_or(0).cast_unsigned())?,
            _ => return Err(PgError::unsupported("this call of a function").into()),
        })
    }

    /// As `pg_xact_status` says it (PostgreSQL manual, "Transaction ID and Snapshot Information
    /// Functions").
    fn xact_status(&self, xid: u64) -> Result<Value, PgError> {
        if xid >= self.state.next_xid {
            let text = format!("transaction ID {xid} is in the future");
            return Err(PgError::new("22023", text));
        }
        if xid == 0 || (xid > 2 && xid < self.state.oldest_known) {
            return Ok(Value::Null);
        }
        Ok(Value::text(if self.state.running.contains(&xid) {
            "in progress"
        } else {
            match self.state.clog.get(xid) {
                Some(Status::Committed) => "committed",
                // What a crash ended without a word was aborted by it.
                Some(Status::Aborted) | None => "aborted",
            }
        }))
    }

    fn has_role(&self, args: &[Value]) -> Result<Value, PgError> {
        let (member, of) = match args {
            [of, _] => (self.session.current_user(), text(of)),
            [member, of, ..] => (text(member).to_owned(), text(of)),
            _ => return Ok(Value::Null),
        };
        self.state.catalog.role(of)?;
        Ok(Value::Bool(self.state.catalog.is_member(&member, of)))
    }

    fn may(&self, relation: &str, privilege: &str) -> Result<bool, PgError> {
        let name = relation.rsplit('.').next().unwrap_or(relation);
        if crate::catalog::views::View::named(name).is_some() {
            return Ok(true);
        }
        let xact = self.session.xact();
        let (catalog, running) = (&self.state.catalog, &self.state.running);
        let table = catalog.table(self.session.database, name, &xact.mine, running);
        let missing = || PgError::new("42P01", format!("relation \"{relation}\" does not exist"));
        let table = table.ok_or_else(missing)?;
        Ok(catalog.may(&self.session.current_user(), &privilege.to_lowercase(), table))
    }
}

fn int(value: &Value) -> i32 {
    value.as_int().and_then(|int| i32::try_from(int).ok()).unwrap_or(0)
}

fn text(value: &Value) -> &str {
    value.as_text().unwrap_or_default()
}

fn count(length: usize) -> Value {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

fn quote_ident(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// From a place that counts from one, so many characters; what lies before the text counts too.
fn substr(text: &str, args: &[Value]) -> String {
    let from = i64::from(int(&args[0])) - 1;
    let until = args.get(1).map_or(i64::MAX, |length| from + i64::from(int(length)));
    let chars = text.chars().zip(0_i64..);
    chars.filter(|(_, at)| (from..until).contains(at)).map(|(c, _)| c).collect()
}
