//! Time, as far as the driver needs it: waiting.

use std::future::Future;
use std::time::Duration;

/// A source of delays: tokio's timers, or a simulator's.
pub trait Clock: Send + Sync + 'static {
    /// Completes after at least this long.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}
