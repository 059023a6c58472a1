//! Latencies, and what is said of them.

use std::time::Duration;

/// How long each call took.
#[derive(Default)]
pub(crate) struct Figures(Vec<Duration>);

impl Figures {
    pub(crate) fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// One line: the count, and percentiles in units of one sync.
    pub(crate) fn print(mut self, what: &str, sync: Duration) {
        self.0.sort_unstable();
        // Of `per_mille` in a thousand calls none took longer.
        let at = |per_mille: usize| {
            let rank = (self.0.len() * per_mille).div_ceil(1000).max(1);
            self.0.get(rank - 1).map_or(f64::NAN, |took| took.as_secs_f64() / sync.as_secs_f64())
        };
        let [p50, p99, p999, max] = [500, 990, 999, 1000].map(at);
        println!("{what:<34}{:>9}{p50:>8.2}{p99:>8.2}{p999:>8.2}{max:>8.2}", self.0.len());
    }
}
