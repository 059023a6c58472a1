//! Which columns a name can mean.

use crate::error::{PgError, PgResult};
use crate::value::Type;

/// The columns of the rows at hand, and of those around.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope<'a> {
    pub(crate) columns: Vec<ScopeColumn>,
    pub(crate) parent: Option<&'a Scope<'a>>,
}

/// A column that can be named.
#[derive(Clone, Debug)]
pub(crate) struct ScopeColumn {
    pub(crate) table: String,
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// Where it comes from, which a description of rows tells: table and number.
    pub(crate) origin: (u32, i16),
}

impl Scope<'_> {
    /// Levels up, place, and the column.
    ///
    /// # Errors
    /// 42703, 42P01: there is none. 42702: there are several.
    pub(crate) fn find(
        &self,
        table: Option<&str>,
        name: &str,
    ) -> PgResult<(usize, usize, &ScopeColumn)> {
        let (mut scope, mut up) = (self, 0);
        loop {
            let matches = |column: &ScopeColumn| {
                column.name == name && table.is_none_or(|table| column.table == table)
            };
            let mut found = scope.columns.iter().enumerate().filter(|(_, column)| matches(column));
            if let Some((at, column)) = found.next() {
                if found.next().is_some() {
                    let text = format!("column reference \"{name}\" is ambiguous");
                    return Err(PgError::new("42702", text));
                }
                return Ok((up, at, column));
            }
            match scope.parent {
                Some(parent) => (scope, up) = (parent, up + 1),
                None => return Err(self.missing(table, name)),
            }
        }
    }

    fn missing(&self, table: Option<&str>, name: &str) -> PgError {
        match table {
            None => PgError::new("42703", format!("column \"{name}\" does not exist")),
            Some(table) if self.columns.iter().any(|column| column.table == table) => {
                PgError::new("42703", format!("column {table}.{name} does not exist"))
            }
            Some(table) => {
                PgError::new("42P01", format!("missing FROM-clause entry for table \"{table}\""))
            }
        }
    }
}
