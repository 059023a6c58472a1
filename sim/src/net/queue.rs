//! Events in the order they are due.
//!
//! The events lie in a slab and the heap holds only keys, so that sifting moves small entries
//! whatever an event weighs. Events due at the same time come out in the order they went in.
//! Deliberately absent: cancelling. An event that has lost its meaning says so when it is due.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

/// A queue of events, each due at a time since the start of the run.
pub(super) struct EventQueue<E> {
    slab: Vec<Option<E>>,
    free: Vec<usize>,
    /// Due time, sequence number, slot. The sequence number settles ties.
    heap: BinaryHeap<Reverse<(Duration, u64, usize)>>,
    next_sequence: u64,
}

impl<E> EventQueue<E> {
    pub(super) const fn new() -> Self {
        Self { slab: Vec::new(), free: Vec::new(), heap: BinaryHeap::new(), next_sequence: 0 }
    }

    pub(super) fn push(&mut self, due: Duration, event: E) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slab.push(None);
            self.slab.len() - 1
        });
        self.slab[slot] = Some(event);
        self.heap.push(Reverse((due, self.next_sequence, slot)));
        self.next_sequence += 1;
    }

    pub(super) fn pop(&mut self) -> Option<(Duration, E)> {
        let Reverse((due, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        let event = self.slab[slot].take().expect("a slot in the heap is taken");
        Some((due, event))
    }
}
