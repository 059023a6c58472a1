//! What the driver's sweeps have in hand, so that one that takes long is not repeated by the next.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::gid::Gid;

/// What is in hand of one kind.
pub(super) struct Claims<T: Ord>(Mutex<BTreeSet<T>>);

/// The participants that are being listed, and the transactions that are being recovered.
#[derive(Default)]
pub(super) struct InHand {
    pub(super) lists: Claims<usize>,
    pub(super) transactions: Claims<Gid>,
}

/// One thing in hand, until this is dropped.
pub(super) struct Claim<'a, T: Ord> {
    claims: &'a Claims<T>,
    of: T,
}

impl<T: Ord + Clone> Claims<T> {
    /// Takes it in hand, unless it is already.
    pub(super) fn claim(&self, of: T) -> Option<Claim<'_, T>> {
        let free = self.lock().insert(of.clone());
        // Not made unless it is free: dropping a claim gives it back.
        free.then(|| Claim { claims: self, of })
    }
}

impl<T: Ord> Claims<T> {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<T>> {
        // The set is valid after every statement, so a panic elsewhere cannot have spoilt it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Ord> Default for Claims<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Ord> Drop for Claim<'_, T> {
    fn drop(&mut self) {
        self.claims.lock().remove(&self.of);
    }
}
