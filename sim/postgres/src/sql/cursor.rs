//! A place in the tokens of a statement that is read by hand.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{PgError, PgResult};

/// A place in the tokens of a statement, none of which is blank.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    tokens: &'a [TokenWithSpan],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(tokens: &'a [TokenWithSpan]) -> Self {
        Self { tokens }
    }

    pub(super) fn at_end(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(super) fn peek(&self) -> Option<&'a Token> {
        self.tokens.first().map(|token| &token.token)
    }

    pub(super) fn next(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(&first.token)
    }

    /// Takes these key words if they are what comes.
    pub(super) fn take(&mut self, words: &str) -> bool {
        let mut ahead = self.clone();
        for word in words.split(' ') {
            match ahead.next() {
                Some(Token::Word(found))
                    if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word) => {}
                _ => return false,
            }
        }
        *self = ahead;
        true
    }

    pub(super) fn take_token(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn expect(&mut self, words: &str) -> PgResult<()> {
        if self.take(words) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Nothing may come any more.
    pub(super) fn end<T>(&self, value: T) -> PgResult<T> {
        if self.at_end() { Ok(value) } else { Err(self.unexpected()) }
    }

    pub(super) fn unexpected(&self) -> PgError {
        PgError::syntax(match self.peek() {
            Some(token) => format!("syntax error at or near \"{token}\""),
            None => "syntax error at end of input".to_owned(),
        })
    }

    pub(super) fn ident(&mut self) -> PgResult<String> {
        let error = self.unexpected();
        match self.next() {
            Some(Token::Word(word)) if word.quote_style.is_none() => Ok(word.value.to_lowercase()),
            Some(Token::Word(word)) => Ok(word.value.clone()),
            _ => Err(error),
        }
    }

    /// A name whose parts are kept apart by dots.
    pub(super) fn dotted(&mut self) -> PgResult<String> {
        let mut name = self.ident()?;
        while self.take_token(&Token::Period) {
            name = format!("{name}.{}", self.ident()?);
        }
        Ok(name)
    }

    pub(super) fn string(&mut self) -> PgResult<String> {
        let error = self.unexpected();
        match self.next() {
            Some(Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text)) => {
                Ok(text.clone())
            }
            _ => Err(error),
        }
    }

    /// Names between commas.
    pub(super) fn list(&mut self) -> PgResult<Vec<String>> {
        let mut names = vec![self.dotted()?];
        while self.take_token(&Token::Comma) {
            names.push(self.dotted()?);
        }
        Ok(names)
    }
}
