//! How sessions wait for locked rows, as somebody sees it who sees all participants at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::history::Tx;
use crate::lock::lock;

/// The waits for locked rows of a whole run. Clones are of the same run.
#[derive(Clone, Debug, Default)]
pub struct LockWaits {
    timeout: Duration,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    counts: LockCounts,
    /// Who waits, at which participant, and for whom.
    waiting: BTreeMap<Tx, (u8, Tx)>,
}

/// How often it came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockCounts {
    /// A session began to wait.
    pub waits: u64,
    /// One had waited for too long.
    pub timeouts: u64,
    /// Transactions wait for each other in a circle that no participant sees the whole of.
    pub deadlocks: u64,
}

impl LockWaits {
    /// Of a run in which nobody waits for longer than this.
    pub fn new(timeout: Duration) -> Self {
        Self { timeout, seen: Arc::default() }
    }

    /// How long a session waits; if that is zero, it does not.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How often what came about.
    pub fn counts(&self) -> LockCounts {
        lock(&self.seen).counts
    }

    /// A session begins to wait, for whoever has the row.
    pub(crate) fn begins(&self, p: u8, tx: Tx, holder: Option<Tx>) {
        let mut seen = lock(&self.seen);
        seen.counts.waits += 1;
        let Some(holder) = holder else { return };
        seen.waiting.insert(tx, (p, holder));
        // Whoever is handed a row waits for nothing: only who begins to wait can close a circle.
        let (mut places, mut at) = (vec![p], holder);
        for _ in 0..seen.waiting.len() {
            if at == tx {
                break;
            }
            let Some(&(place, next)) = seen.waiting.get(&at) else { return };
            places.push(place);
            at = next;
        }
        let across = places.iter().any(|place| *place != p);
        seen.counts.deadlocks += u64::from(at == tx && across);
    }

    /// The row has gone to another one, for whom it waits from now on.
    pub(crate) fn goes_on(&self, p: u8, tx: Tx, holder: Tx) {
        lock(&self.seen).waiting.insert(tx, (p, holder));
    }

    /// It waits no more: it has the row, or has gone.
    pub(crate) fn ends(&self, p: u8, tx: Tx) {
        let waiting = &mut lock(&self.seen).waiting;
        if waiting.get(&tx).is_some_and(|(place, _)| *place == p) {
            waiting.remove(&tx);
        }
    }

    /// It had waited for too long.
    pub(crate) fn times_out(&self) {
        lock(&self.seen).counts.timeouts += 1;
    }

    /// The sessions of a participant are gone.
    pub(crate) fn forget(&self, p: u8) {
        lock(&self.seen).waiting.retain(|_, (place, _)| *place != p);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn tx(sequence: u64) -> Tx {
        Tx { epoch: 1, sequence }
    }

    #[test]
    fn a_circle_through_two_participants_is_a_deadlock_and_one_within_one_is_not_counted() {
        let waits = LockWaits::new(Duration::from_secs(1));
        waits.begins(0, tx(1), Some(tx(2)));
        waits.begins(1, tx(2), Some(tx(3)));
        assert_eq!(waits.counts().deadlocks, 0);
        waits.begins(0, tx(3), Some(tx(1)));
        assert_eq!(waits.counts(), LockCounts { waits: 3, timeouts: 0, deadlocks: 1 });
        waits.forget(1);
        waits.begins(0, tx(4), Some(tx(2)));
        waits.begins(0, tx(2), Some(tx(4)));
        assert_eq!(waits.counts().deadlocks, 1);
    }

    #[test]
    fn who_has_been_handed_the_row_waits_no_more() {
        let waits = LockWaits::new(Duration::from_secs(1));
        waits.begins(0, tx(1), Some(tx(2)));
        waits.begins(0, tx(3), Some(tx(2)));
        waits.ends(0, tx(1));
        waits.goes_on(0, tx(3), tx(1));
        waits.begins(1, tx(2), Some(tx(1)));
        assert_eq!(waits.counts().deadlocks, 0);
        waits.begins(1, tx(1), Some(tx(3)));
        assert_eq!(waits.counts().deadlocks, 1);
    }
}
