//! Locks that a panic cannot spoil: after one the run is over, and what it had is only read.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks it, whatever happened to an earlier holder.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
