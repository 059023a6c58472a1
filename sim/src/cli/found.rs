//! What a search of seeds has found, for machines.

use indoubt_sim::fuzz::{Failure, Report};
use serde::{Deserialize, Serialize};

/// What `fuzz --json` prints.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Found {
    /// How many runs there were.
    pub(super) runs: u64,
    pub(super) seconds: f64,
    /// What should have been reached in so many runs, and was not.
    pub(super) missing: Vec<String>,
    /// The first run that broke an invariant.
    pub(super) failure: Option<Failed>,
}

/// A run that broke an invariant.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Failed {
    pub(super) seed: u64,
    pub(super) hash: String,
    /// Each with the name of its invariant.
    pub(super) violations: Vec<(String, String)>,
}

impl Found {
    pub(super) fn of(report: &Report, missing: &[&str]) -> Self {
        Self {
            runs: report.runs,
            seconds: report.took.as_secs_f64(),
            missing: missing.iter().map(ToString::to_string).collect(),
            failure: report.failure.as_ref().map(Failed::of),
        }
    }
}

impl Failed {
    fn of(failure: &Failure) -> Self {
        let told = failure.violations.iter();
        Self {
            seed: failure.seed,
            hash: format!("{:016x}", failure.hash),
            violations: told
                .map(|one| (one.invariant.name().to_owned(), one.what.clone()))
                .collect(),
        }
    }
}
