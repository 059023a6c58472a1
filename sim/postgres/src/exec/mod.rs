//! Evaluation: of expressions, and of queries over what one moment shows.
//!
//! All of it happens in one go under the lock of the shared state. A function that has to wait
//! (`pg_sleep`, `pg_advisory_lock`) stops the evaluation, is waited for outside, and the
//! evaluation begins anew; what functions with an effect have returned before is remembered in a
//! journal, so that they have it once.

mod aggregate;
mod calculate;
mod call;
mod cast;
mod eval;
mod select;

use std::time::Duration;

use crate::error::PgError;
use crate::heap::Snapshot;
use crate::locks::{Mode, Span, Tag};
use crate::server::State;
use crate::session::SessionData;
use crate::value::{Row, Value};

pub(crate) use select::Found;

/// What an evaluation has before it.
pub(crate) struct Evaluator<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) session: &'a mut SessionData,
    pub(crate) params: &'a [Value],
    pub(crate) journal: &'a mut Journal,
    pub(crate) snapshot: &'a Snapshot,
}

/// The rows that an expression is about: the one at hand, and those around.
#[derive(Clone, Copy, Default)]
pub(crate) struct Env<'a> {
    pub(crate) row: &'a [Value],
    pub(crate) aggs: &'a [Value],
    pub(crate) outer: Option<&'a Env<'a>>,
}

/// Why an evaluation has stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    Error(PgError),
    Wait(Wait),
}

/// What has to be waited for before the evaluation can go on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    Sleep(Duration),
    Lock {
        tag: Tag,
        mode: Mode,
        span: Span,
    },
    /// A backend's end; how long at most.
    Gone {
        pid: i32,
        within: Duration,
    },
}

impl From<PgError> for Stop {
    fn from(error: PgError) -> Self {
        Self::Error(error)
    }
}

/// What functions with an effect have returned, in the order of the calls.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    results: Vec<Value>,
    at: usize,
    /// What views of the system showed, in the order in which they were looked at: a wait must
    /// not change what the statement has seen.
    seen: Vec<Vec<Row>>,
    seen_at: usize,
}

impl Journal {
    /// The evaluation begins anew.
    pub(crate) fn rewind(&mut self) {
        self.at = 0;
        self.seen_at = 0;
    }

    /// What was waited for has come.
    pub(crate) fn waited(&mut self, result: Value) {
        self.results.push(result);
    }

    /// What a view showed, now or before the wait.
    fn see(&mut self, look: impl FnOnce() -> Vec<Row>) -> Vec<Row> {
        if self.seen.len() == self.seen_at {
            self.seen.push(look());
        }
        self.seen_at += 1;
        self.seen[self.seen_at - 1].clone()
    }

    fn next(&mut self) -> Option<Value> {
        let result = self.results.get(self.at).cloned();
        self.at += usize::from(result.is_some());
        result
    }

    fn keep(&mut self, result: Value) {
        self.results.push(result);
        self.at = self.results.len();
    }
}
