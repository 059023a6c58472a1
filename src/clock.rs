//! Time, as far as the driver needs it: waiting.

use std::future::Future;
use std::time::Duration;

use futures::future::{Either, select};

/// A source of delays: tokio's timers, or a simulator's.
pub trait Clock: Send + Sync + 'static {
    /// Completes after at least this long.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// The future's output, or `None` if the limit passed first; the future is then dropped.
pub(crate) async fn within<T>(
    clock: &impl Clock,
    limit: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    let future = std::pin::pin!(future);
    let limit = std::pin::pin!(clock.sleep(limit));
    match select(future, limit).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(((), _)) => None,
    }
}
