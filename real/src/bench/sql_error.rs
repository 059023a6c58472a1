//! What can go wrong with what the bench itself asks of a database.

use crate::postgres::describe;

/// How much of a statement an error repeats, in characters.
const SHOWN: usize = 80;

/// A statement of the bench's own failed: nothing of a service.
#[derive(Debug, thiserror::Error)]
#[error("the database {database} did not do what the bench asked of it, {asked}: {}", describe(.why))]
pub struct SqlError {
    database: String,
    asked: String,
    why: tokio_postgres::Error,
}

impl SqlError {
    /// What a statement ended with in this database.
    pub(super) fn of(database: &str, statement: &str) -> impl Fn(tokio_postgres::Error) -> Self {
        move |why| Self {
            database: database.to_owned(),
            asked: format!("`{}`", shortened(statement)),
            why,
        }
    }

    /// What connecting to this database ended with.
    pub(super) fn connecting(database: &str) -> impl Fn(tokio_postgres::Error) -> Self {
        move |why| Self { database: database.to_owned(), asked: "to connect".to_owned(), why }
    }

    /// The driver's own error, for programs: its SQLSTATE among others. It is in the text of this
    /// one, and so not its source.
    pub fn driver_error(&self) -> &tokio_postgres::Error {
        &self.why
    }
}

/// A query gave no integer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// It failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// It was done, and what came is something else.
    #[error(
        "in the database {database}, {came} came of `{query}`, where one row with an integer in its first column was \
         expected"
    )]
    Otherwise {
        /// The database.
        database: String,
        /// The beginning of the query.
        query: String,
        /// What came.
        came: String,
    },
}

impl NumberError {
    pub(super) fn otherwise(database: &str, query: &str, came: String) -> Self {
        Self::Otherwise { database: database.to_owned(), query: shortened(query), came }
    }
}

/// The beginning of a statement, in one line.
pub(super) fn shortened(statement: &str) -> String {
    let line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn a_statement_is_shown_in_a_line_of_eighty_characters_at_most() {
        assert_eq!(shortened("SELECT 1,\n       2"), "SELECT 1, 2");
        let long = "ä".repeat(81);
        assert_eq!(shortened(&long), format!("{}…", "ä".repeat(80)));
        assert_eq!(shortened(&long[2..]), "ä".repeat(80));
    }
}
