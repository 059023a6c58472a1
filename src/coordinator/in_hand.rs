//! What sweeps have in hand, so that no two are at work on the same thing: the driver's next sweep
//! leaves it out, and one that somebody asks for waits for it.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;

use crate::gid::Gid;

/// What is in hand of one kind.
pub(super) struct Claims<T: Ord>(Mutex<Taken<T>>);

struct Taken<T> {
    things: BTreeSet<T>,
    /// Told when something is free again.
    waiting: Vec<oneshot::Sender<()>>,
}

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
        let free = self.lock().things.insert(of.clone());
        // Not made unless it is free: dropping a claim gives it back.
        free.then(|| Claim { claims: self, of })
    }

    /// Takes it in hand when nobody else has it.
    ///
    /// # Cancel safety
    /// Dropping the future gives up its place among those who wait.
    pub(super) async fn claim_when_free(&self, of: T) -> Claim<'_, T> {
        loop {
            if let Some(claim) = self.claim(of.clone()) {
                return claim;
            }
            let (told, free) = oneshot::channel();
            {
                let mut taken = self.lock();
                // It may have been given back in between.
                if !taken.things.contains(&of) {
                    continue;
                }
                taken.waiting.retain(|one| !one.is_canceled());
                taken.waiting.push(told);
            }
            // Told by whoever gives anything back.
            let _ = free.await;
        }
    }
}

impl<T: Ord> Claims<T> {
    fn lock(&self) -> MutexGuard<'_, Taken<T>> {
        // The set is valid after every statement, so a panic elsewhere cannot have spoilt it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Ord> Default for Claims<T> {
    fn default() -> Self {
        Self(Mutex::new(Taken { things: BTreeSet::new(), waiting: Vec::new() }))
    }
}

impl<T: Ord> Drop for Claim<'_, T> {
    fn drop(&mut self) {
        let waiting = {
            let mut taken = self.claims.lock();
            taken.things.remove(&self.of);
            std::mem::take(&mut taken.waiting)
        };
        for one in waiting {
            // Whoever has stopped waiting need not know.
            let _ = one.send(());
        }
    }
}
