//! Who waits for whom, and whether that goes in a circle.
//!
//! Absent: the rearrangement of a queue by which Postgres resolves some circles that go through
//! another's place in it; here such a circle is a deadlock.

use std::collections::BTreeSet;

use super::{Lock, Locks, Owner, Request};

impl Locks {
    /// Whom a backend waits for: holders, and who is ahead of it in the queue.
    pub(super) fn waits_for(&self, pid: i32) -> Vec<Owner> {
        let waiting = |lock: &&Lock| lock.queue.iter().any(|request| request.pid == pid);
        let Some(lock) = self.locks.values().find(waiting) else { return Vec::new() };
        let me = |request: &&Request| request.pid == pid;
        let Some(mine) = lock.queue.iter().find(me) else { return Vec::new() };
        let holders = lock
            .grants
            .iter()
            .filter(|g| g.owner != Owner::Backend(pid) && g.mode.conflicts(mine.mode))
            .map(|grant| grant.owner);
        let ahead = lock
            .queue
            .iter()
            .take_while(|request| request.pid != pid)
            .filter(|request| request.mode.conflicts(mine.mode))
            .map(|request| Owner::Backend(request.pid));
        holders.chain(ahead).collect()
    }

    /// Whether a backend waits, by however many others, for itself. A prepared transaction waits
    /// for nobody.
    pub(crate) fn is_deadlocked(&self, pid: i32) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![pid];
        while let Some(waiter) = open.pop() {
            for blocker in self.waits_for(waiter) {
                match blocker {
                    Owner::Backend(blocker) if blocker == pid => return true,
                    Owner::Backend(blocker) if seen.insert(blocker) => open.push(blocker),
                    _ => {}
                }
            }
        }
        false
    }
}
