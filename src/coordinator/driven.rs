//! Whether a coordinator's driver has been started, and whether it has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// How it goes with a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driven {
    /// It has not been started.
    NotYet = 0,
    Now = 1,
    /// It has ended or was dropped: what it was at, nobody is at any more.
    NoMore = 2,
}

/// How it goes with the driver, for those who ask.
#[derive(Clone, Debug, Default)]
pub(super) struct IsDriven(Arc<AtomicU8>);

impl IsDriven {
    pub(super) fn now(&self) -> Driven {
        match self.0.load(Ordering::Acquire) {
            0 => Driven::NotYet,
            1 => Driven::Now,
            _ => Driven::NoMore,
        }
    }

    fn is(&self, now: Driven) {
        self.0.store(now as u8, Ordering::Release);
    }
}

/// What a driver holds: when this is dropped, it has ended.
#[derive(Debug)]
pub(super) struct Helm(IsDriven);

impl Helm {
    pub(super) fn of(driven: IsDriven) -> Self {
        Self(driven)
    }

    pub(super) fn is_taken(&self) {
        self.0.is(Driven::Now);
    }
}

impl Drop for Helm {
    fn drop(&mut self) {
        self.0.is(Driven::NoMore);
    }
}
