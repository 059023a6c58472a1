//! The commands that are read by hand: transactions, settings, roles and databases.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::{Modes, RoleOptions, SetTo, Statement};
use crate::error::{PgError, PgResult};
use crate::locks::Mode;
use crate::xact::Isolation;

/// Reads a command; nothing if it is none of those.
pub(super) fn read(cursor: &mut Cursor<'_>) -> PgResult<Option<Statement>> {
    let statement = if cursor.take("BEGIN") || cursor.take("START TRANSACTION") {
        let _noise = cursor.take("WORK") || cursor.take("TRANSACTION");
        Statement::Begin(modes(cursor)?)
    } else if cursor.take("COMMIT PREPARED") {
        Statement::CommitPrepared { gid: cursor.string()? }
    } else if cursor.take("ROLLBACK PREPARED") {
        Statement::RollbackPrepared { gid: cursor.string()? }
    } else if cursor.take("PREPARE TRANSACTION") {
        Statement::Prepare { gid: cursor.string()? }
    } else if cursor.take("COMMIT") || cursor.take("END") {
        no_chain(cursor, Statement::Commit)?
    } else if cursor.take("ROLLBACK") || cursor.take("ABORT") {
        let _noise = cursor.take("WORK") || cursor.take("TRANSACTION");
        if cursor.take("TO") {
            let _noise = cursor.take("SAVEPOINT");
            Statement::RollbackTo(cursor.ident()?)
        } else {
            no_chain(cursor, Statement::Rollback)?
        }
    } else if cursor.take("SAVEPOINT") {
        Statement::Savepoint(cursor.ident()?)
    } else if cursor.take("RELEASE") {
        let _noise = cursor.take("SAVEPOINT");
        Statement::Release(cursor.ident()?)
    } else if cursor.take("SET") {
        set(cursor)?
    } else if cursor.take("RESET") {
        reset(cursor)?
    } else if cursor.take("SHOW") {
        Statement::Show(setting(cursor)?)
    } else if cursor.take("DISCARD ALL") {
        Statement::DiscardAll
    } else if cursor.take("CHECKPOINT") {
        Statement::Checkpoint
    } else if cursor.take("LISTEN") {
        Statement::Listen(cursor.ident()?)
    } else if cursor.take("UNLISTEN") {
        let all = cursor.take_token(&Token::Mul);
        Statement::Unlisten(if all { None } else { Some(cursor.ident()?) })
    } else if cursor.take("NOTIFY") {
        let channel = cursor.ident()?;
        let payload =
            if cursor.take_token(&Token::Comma) { cursor.string()? } else { String::new() };
        Statement::Notify { channel, payload }
    } else if cursor.take("LOCK") {
        lock(cursor)?
    } else if cursor.take("DEALLOCATE") {
        let _noise = cursor.take("PREPARE");
        Statement::Deallocate(if cursor.take("ALL") { None } else { Some(cursor.ident()?) })
    } else if cursor.take("CREATE DATABASE") {
        Statement::CreateDatabase(cursor.ident()?)
    } else if cursor.take("DROP DATABASE") {
        let if_exists = cursor.take("IF EXISTS");
        Statement::DropDatabase { name: cursor.ident()?, if_exists }
    } else if cursor.take("CREATE ROLE") {
        Statement::CreateRole { name: cursor.ident()?, options: role_options(cursor, false)? }
    } else if cursor.take("CREATE USER") {
        Statement::CreateRole { name: cursor.ident()?, options: role_options(cursor, true)? }
    } else if cursor.take("ALTER ROLE") || cursor.take("ALTER USER") {
        alter_role(cursor)?
    } else if cursor.take("DROP ROLE") || cursor.take("DROP USER") {
        let if_exists = cursor.take("IF EXISTS");
        Statement::DropRole { name: cursor.ident()?, if_exists }
    } else if cursor.take("GRANT") {
        grant(cursor, true)?
    } else if cursor.take("REVOKE") {
        grant(cursor, false)?
    } else {
        return Ok(None);
    };
    cursor.end(Some(statement))
}

fn no_chain(cursor: &mut Cursor<'_>, statement: Statement) -> PgResult<Statement> {
    let _noise = cursor.take("WORK") || cursor.take("TRANSACTION");
    if cursor.take("AND CHAIN") {
        return Err(PgError::unsupported("AND CHAIN"));
    }
    let _said_no = cursor.take("AND NO CHAIN");
    Ok(statement)
}

fn modes(cursor: &mut Cursor<'_>) -> PgResult<Modes> {
    let mut modes = Modes::default();
    loop {
        if cursor.take("ISOLATION LEVEL") {
            modes.isolation = Some(isolation(cursor)?);
        } else if cursor.take("READ ONLY") {
            modes.read_only = Some(true);
        } else if cursor.take("READ WRITE") {
            modes.read_only = Some(false);
        } else if cursor.take("DEFERRABLE") {
            modes.deferrable = Some(true);
        } else if cursor.take("NOT DEFERRABLE") {
            modes.deferrable = Some(false);
        } else {
            return cursor.end(modes);
        }
        cursor.take_token(&Token::Comma);
    }
}

fn isolation(cursor: &mut Cursor<'_>) -> PgResult<Isolation> {
    // What PostgreSQL does not have, it treats as the next stricter level.
    let levels = ["read committed", "read uncommitted", "repeatable read", "serializable"];
    for level in levels {
        if cursor.take(level)
            && let Some(level) = Isolation::named(level)?
        {
            return Ok(level);
        }
    }
    Err(cursor.unexpected())
}

fn set(cursor: &mut Cursor<'_>) -> PgResult<Statement> {
    if cursor.take("TRANSACTION SNAPSHOT") {
        return Err(PgError::unsupported("SET TRANSACTION SNAPSHOT"));
    }
    if cursor.take("TRANSACTION") {
        return Ok(Statement::SetTransaction(modes(cursor)?));
    }
    if cursor.take("SESSION CHARACTERISTICS AS TRANSACTION") {
        return Ok(Statement::SetCharacteristics(modes(cursor)?));
    }
    if cursor.take("CONSTRAINTS") {
        let names = if cursor.take("ALL") { Vec::new() } else { cursor.list()? };
        let deferred = cursor.take("DEFERRED");
        if !deferred {
            cursor.expect("IMMEDIATE")?;
        }
        return Ok(Statement::SetConstraints { names, deferred });
    }
    if cursor.take("SESSION AUTHORIZATION") {
        let role = if cursor.take("DEFAULT") { None } else { Some(role(cursor)?) };
        return Ok(Statement::SetSessionAuthorization(role));
    }
    let local = cursor.take("LOCAL");
    let _session = !local && cursor.take("SESSION");
    if cursor.take("ROLE") {
        let role = if cursor.take("NONE") { None } else { Some(role(cursor)?) };
        return Ok(Statement::SetRole { role, local });
    }
    let name = if cursor.take("TIME ZONE") {
        "timezone".to_owned()
    } else {
        let name = cursor.dotted()?;
        if !cursor.take_token(&Token::Eq) {
            cursor.expect("TO")?;
        }
        name.to_lowercase()
    };
    let value = if cursor.take("DEFAULT") { SetTo::Default } else { SetTo::Value(value(cursor)?) };
    Ok(Statement::Set { name, value, local })
}

fn role(cursor: &mut Cursor<'_>) -> PgResult<String> {
    match cursor.peek() {
        Some(Token::SingleQuotedString(_)) => cursor.string(),
        _ => cursor.ident(),
    }
}

/// One value, or several between commas.
fn value(cursor: &mut Cursor<'_>) -> PgResult<String> {
    let mut values = Vec::new();
    loop {
        let negative = cursor.take_token(&Token::Minus);
        values.push(match cursor.peek() {
            Some(Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_)) => {
                cursor.string()?
            }
            Some(Token::Number(number, _)) => {
                cursor.next();
                format!("{}{number}", if negative { "-" } else { "" })
            }
            _ => cursor.ident()?,
        });
        if !cursor.take_token(&Token::Comma) {
            return Ok(values.join(", "));
        }
    }
}

fn reset(cursor: &mut Cursor<'_>) -> PgResult<Statement> {
    Ok(if cursor.take("ALL") {
        Statement::ResetAll
    } else if cursor.take("ROLE") {
        Statement::ResetRole
    } else if cursor.take("SESSION AUTHORIZATION") {
        Statement::SetSessionAuthorization(None)
    } else {
        Statement::Reset(setting(cursor)?)
    })
}

fn setting(cursor: &mut Cursor<'_>) -> PgResult<String> {
    if cursor.take("TIME ZONE") {
        return Ok("timezone".to_owned());
    }
    if cursor.take("TRANSACTION ISOLATION LEVEL") {
        return Ok("transaction_isolation".to_owned());
    }
    Ok(cursor.dotted()?.to_lowercase())
}

fn lock(cursor: &mut Cursor<'_>) -> PgResult<Statement> {
    let _noise = cursor.take("TABLE");
    let _only = cursor.take("ONLY");
    let tables = cursor.list()?;
    let mut mode = Mode::AccessExclusive;
    if cursor.take("IN") {
        let found = Mode::ALL.into_iter().find(|mode| cursor.take(mode.words()));
        mode = found.ok_or_else(|| cursor.unexpected())?;
        cursor.expect("MODE")?;
    }
    Ok(Statement::Lock { tables, mode, nowait: cursor.take("NOWAIT") })
}

fn role_options(cursor: &mut Cursor<'_>, login: bool) -> PgResult<RoleOptions> {
    let mut options = RoleOptions { login: login.then_some(true), ..RoleOptions::default() };
    let _noise = cursor.take("WITH");
    while !cursor.at_end() {
        if cursor.take("LOGIN") {
            options.login = Some(true);
        } else if cursor.take("NOLOGIN") {
            options.login = Some(false);
        } else if cursor.take("SUPERUSER") {
            options.superuser = Some(true);
        } else if cursor.take("NOSUPERUSER") {
            options.superuser = Some(false);
        } else if cursor.take("PASSWORD") {
            options.password = Some(cursor.string()?);
        } else {
            return Err(match cursor.peek() {
                Some(option) => PgError::unsupported(format_args!("{option} of a role")),
                None => cursor.unexpected(),
            });
        }
    }
    Ok(options)
}

fn alter_role(cursor: &mut Cursor<'_>) -> PgResult<Statement> {
    let name = cursor.ident()?;
    if cursor.take("SET") {
        let setting = setting(cursor)?;
        if !cursor.take_token(&Token::Eq) {
            cursor.expect("TO")?;
        }
        let value = if cursor.take("DEFAULT") { None } else { Some(value(cursor)?) };
        return Ok(Statement::AlterRoleSet { name, setting, value });
    }
    if cursor.take("RESET") {
        let setting = setting(cursor)?;
        return Ok(Statement::AlterRoleSet { name, setting, value: None });
    }
    Ok(Statement::AlterRole { name, options: role_options(cursor, false)? })
}

/// `GRANT … ON TABLE … TO …`, and of a role to a role.
fn grant(cursor: &mut Cursor<'_>, grant: bool) -> PgResult<Statement> {
    let mut what = cursor.list()?;
    let _noise = cursor.take("PRIVILEGES");
    let towards = if grant { "TO" } else { "FROM" };
    if cursor.take("ON") {
        for other in ["FUNCTION", "SCHEMA", "DATABASE", "SEQUENCE", "ALL"] {
            if cursor.take(other) {
                return Err(PgError::unsupported(format_args!("privileges on a {other}")));
            }
        }
        let _noise = cursor.take("TABLE");
        let tables = cursor.list()?;
        cursor.expect(towards)?;
        let roles = cursor.list()?;
        return Ok(Statement::Grant { tables, privileges: what, roles, grant });
    }
    cursor.expect(towards)?;
    let to = cursor.ident()?;
    match what.pop() {
        Some(role) if what.is_empty() => Ok(Statement::GrantRole { role, to, grant }),
        _ => Err(PgError::unsupported("several roles in one GRANT")),
    }
}
