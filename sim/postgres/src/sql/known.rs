//! Texts that were read before: clients send the same few again and again, and to read one costs
//! more than to run it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{Statement, parse};
use crate::error::PgResult;

/// The statements of a string, which all who send it share.
pub(crate) type Statements = Arc<[Arc<Statement>]>;

/// How many texts are kept.
const KEPT: usize = 256;

/// The texts that were read last.
#[derive(Debug, Default)]
pub(crate) struct Known {
    statements: BTreeMap<Arc<str>, Statements>,
    /// From the one that goes first.
    order: VecDeque<Arc<str>>,
}

impl Known {
    /// Reads a string, as [`parse`] does.
    ///
    /// # Errors
    /// Those of [`parse`].
    pub(crate) fn read(&mut self, sql: &str) -> PgResult<Statements> {
        if let Some(statements) = self.statements.get(sql) {
            return Ok(Arc::clone(statements));
        }
        let statements: Statements = parse(sql)?.into_iter().map(Arc::new).collect();
        if self.order.len() >= KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.statements.remove(&oldest);
        }
        let text: Arc<str> = sql.into();
        self.order.push_back(Arc::clone(&text));
        self.statements.insert(text, Arc::clone(&statements));
        Ok(statements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_that_were_read_last_are_kept() {
        let mut known = Known::default();
        for n in 0..=KEPT {
            known.read(&format!("SELECT {n}")).unwrap();
        }
        assert_eq!(known.statements.len(), KEPT);
        assert!(!known.statements.contains_key("SELECT 0"));
        let (one, again) = (known.read("SELECT 1").unwrap(), known.read("SELECT 1").unwrap());
        assert!(Arc::ptr_eq(&one, &again));
        assert!(known.read("SELECT (").is_err());
        assert_eq!(known.order.len(), KEPT);
    }
}
