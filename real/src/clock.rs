//! Tokio's timers as the driver's clock.
//!
//! Reading the time of day is absent: the driver only ever waits.

use std::time::Duration;

use indoubt::Clock;

/// Waits with tokio's timers; needs a tokio runtime with its time driver enabled.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioClock;

impl Clock for TokioClock {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
