//! A string into statements: all of it is read before any of it runs, as Postgres does.

use std::sync::OnceLock;

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::command;
use super::cursor::Cursor;
use super::{Sql, Statement};
use crate::error::{PgError, PgResult};

/// Reads the statements of a string; none, if it is empty.
///
/// # Errors
/// 42601: it is no SQL. 0A000: it is, but none that this server knows.
pub(crate) fn parse(sql: &str) -> PgResult<Vec<Statement>> {
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, sql).tokenize_with_location();
    let tokens = tokens.map_err(|error| PgError::syntax(format!("syntax error: {error}")))?;
    let mut statements = Vec::new();
    let mut words = Vec::new();
    for token in tokens {
        match token.token {
            Token::Whitespace(_) | Token::EOF => {}
            Token::SemiColon if words.is_empty() => {}
            Token::SemiColon => statements.push(one(std::mem::take(&mut words))?),
            _ => words.push(token),
        }
    }
    if !words.is_empty() {
        statements.push(one(words)?);
    }
    Ok(statements)
}

fn one(mut tokens: Vec<TokenWithSpan>) -> PgResult<Statement> {
    if let Some(statement) = command::read(&mut Cursor::new(&tokens))? {
        return Ok(statement);
    }
    let weaker = weaken(&mut tokens);
    let dialect = PostgreSqlDialect {};
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    let statement = parser.parse_statement().map_err(|error| syntax(&error))?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        return Err(PgError::syntax(format!("syntax error at or near \"{}\"", rest.token)));
    }
    Ok(Statement::Sql(Box::new(Sql { statement, weaker, plan: OnceLock::new() })))
}

fn syntax(error: &sqlparser::parser::ParserError) -> PgError {
    PgError::syntax(format!("syntax error: {error}"))
}

/// Turns `FOR NO KEY UPDATE` and `FOR KEY SHARE` into what the parser knows, and says so.
fn weaken(tokens: &mut Vec<TokenWithSpan>) -> bool {
    let is = |token: Option<&TokenWithSpan>, word: &str| {
        token.is_some_and(|token| match &token.token {
            Token::Word(found) => {
                found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word)
            }
            _ => false,
        })
    };
    for at in 0..tokens.len() {
        if !is(tokens.get(at), "FOR") {
            continue;
        }
        if is(tokens.get(at + 1), "NO")
            && is(tokens.get(at + 2), "KEY")
            && is(tokens.get(at + 3), "UPDATE")
        {
            tokens.drain(at + 1..at + 3);
            return true;
        }
        if is(tokens.get(at + 1), "KEY") && is(tokens.get(at + 2), "SHARE") {
            tokens.remove(at + 1);
            return true;
        }
    }
    false
}

/// With `standard_conforming_strings` off, a backslash in a plain string escapes. The tokenizer
/// does not know that, so such strings are refused.
pub(crate) fn refuse_backslashes(sql: &str) -> PgResult<()> {
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, sql).tokenize();
    let tokens = tokens.map_err(|error| PgError::syntax(format!("syntax error: {error}")))?;
    let escapes = |token: &Token| matches!(token, Token::SingleQuotedString(s) if s.contains('\\'));
    if tokens.iter().any(escapes) {
        let what = "backslashes in plain strings while standard_conforming_strings is off";
        return Err(PgError::unsupported(what));
    }
    Ok(())
}
