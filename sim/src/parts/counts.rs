//! What a kind of participant counts by itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::lock::lock;

/// How often what came about in a run, of what its kind of participant [names](super::Kind::counts).
/// Clones count for the same run.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Counts {
    /// This came about once more.
    pub fn count(&self, what: &'static str) {
        *lock(&self.0).entry(what).or_default() += 1;
    }

    /// How often this has come about.
    pub(crate) fn of(&self, what: &str) -> u64 {
        lock(&self.0).get(what).copied().unwrap_or(0)
    }
}
