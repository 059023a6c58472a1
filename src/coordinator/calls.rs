//! Calls to participants, bounded: none is waited for longer than its deadline, and none ends the
//! driver by a panic.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};

use super::erased::AnyClock;
use crate::participant::Lost;

/// The future's output, or `None` if the limit passed first; the future is then dropped.
pub(super) async fn within<T>(
    clock: &dyn AnyClock,
    limit: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    let future = std::pin::pin!(future);
    match select(future, clock.sleep(limit)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(((), _)) => None,
    }
}

/// The call's answer, or `Lost` at the deadline, which starts now.
pub(super) async fn answered<T>(
    clock: &dyn AnyClock,
    limit: Duration,
    call: impl Future<Output = Result<T, Lost>>,
) -> Result<T, Lost> {
    within(clock, limit, call).await.unwrap_or_else(|| Err(late(limit)))
}

/// What is said of a call of which nothing has come.
pub(super) fn late(limit: Duration) -> Lost {
    Lost::new(silence(limit))
}

/// The words for an answer that did not come in its time.
pub(super) fn silence(limit: Duration) -> String {
    format!("nothing came within {limit:?}")
}

/// The call's answer. A participant is code that this crate does not know: if it panics, what it
/// was asked to do may have happened or not, as with any lost answer.
pub(super) async fn guarded<T>(call: impl Future<Output = Result<T, Lost>>) -> Result<T, Lost> {
    let caught = AssertUnwindSafe(call).catch_unwind().await;
    caught.unwrap_or_else(|panic| Err(Lost::new(format!("it panicked: {}", words(&*panic)))))
}

/// What a panic said.
pub(super) fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}
