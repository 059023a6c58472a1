//! How many branches can be prepared at a participant at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The slots for prepared branches that a participant is configured with, through all its lives
/// (`max_prepared_transactions` of a Postgres). Clones are of the same participant.
#[derive(Clone, Debug)]
pub struct Slots(Arc<Configured>);

#[derive(Debug)]
struct Configured {
    most: AtomicU32,
    refused: AtomicU64,
}

impl Default for Slots {
    /// More than any run needs.
    fn default() -> Self {
        let (most, refused) = (AtomicU32::new(u32::MAX), AtomicU64::new(0));
        Self(Arc::new(Configured { most, refused }))
    }
}

impl Slots {
    /// From now on there are so many.
    pub fn set(&self, most: u32) {
        self.0.most.store(most, Ordering::Relaxed);
    }

    /// Whether there is a slot for one more than these. If not, that is counted.
    pub fn is_free(&self, taken: usize) -> bool {
        let free =
            u32::try_from(taken).is_ok_and(|taken| taken < self.0.most.load(Ordering::Relaxed));
        self.0.refused.fetch_add(u64::from(!free), Ordering::Relaxed);
        free
    }

    /// How often there was none.
    pub(crate) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}
