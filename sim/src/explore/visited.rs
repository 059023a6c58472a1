//! The states that were seen, as fingerprints, each with a link to where it was first reached.
//!
//! Open addressing in many small tables, each behind its own lock: two threads rarely meet, and
//! growing one of them needs little memory on top. A state is 16 bytes, at most 4/3 of that
//! with the free places. Two states with the same fingerprint would be taken for one: with 64 bits
//! and a hundred million states the odds of that are one in four thousand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::state::Packed;

const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 8;
/// Of a link: the rest is the parent's fingerprint.
const DEPTH: u64 = 0xff;
const FIRST_PLACES: usize = 1 << 6;

/// The fingerprint of a state. Fixed, so that explorations can be compared.
pub(super) fn fingerprint(packed: &Packed) -> u64 {
    const KEYS: [u64; 2] = [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db];
    let mut hash = KEYS[0];
    for word in packed {
        let wide = u128::from(hash ^ word) * u128::from(KEYS[1] ^ word.rotate_left(32));
        hash = (wide as u64 ^ (wide >> 64) as u64).wrapping_add(KEYS[0]).rotate_left(23);
    }
    let wide = u128::from(hash) * u128::from(KEYS[0]);
    // 0 marks a free place.
    (wide as u64 ^ (wide >> 64) as u64).max(1)
}

/// Whether a fingerprint is the one that a link names.
pub(super) const fn is_linked(fingerprint: u64, link: u64) -> bool {
    fingerprint & !DEPTH == link & !DEPTH
}

#[derive(Clone, Copy, Default)]
struct Seen {
    fingerprint: u64,
    /// The parent's fingerprint but for its last 8 bits, and the depth modulo 256.
    link: u64,
}

struct Shard {
    places: Vec<Seen>,
    taken: usize,
}

/// The states that were seen.
pub(super) struct Visited {
    shards: Vec<Mutex<Shard>>,
    places: AtomicU64,
}

impl Visited {
    pub(super) fn new() -> Self {
        let shard = || Mutex::new(Shard { places: vec![Seen::default(); FIRST_PLACES], taken: 0 });
        let places = AtomicU64::new((SHARDS * FIRST_PLACES) as u64);
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), places }
    }

    /// The memory that it takes.
    pub(super) fn bytes(&self) -> u64 {
        self.places.load(Ordering::Relaxed) * size_of::<Seen>() as u64
    }

    /// Notes states that were reached in this many steps, and tells which of them are new, by
    /// their number in the batch.
    ///
    /// Of several parents at the same depth the one with the smallest fingerprint stays,
    /// whichever thread came first, so that a trace is the same in every exploration.
    pub(super) fn insert(&self, batch: &Batch, depth: u32, mut new: impl FnMut(usize)) {
        let depth = u64::from(depth) & DEPTH;
        for (number, members) in batch.members.iter().enumerate() {
            if members.is_empty() {
                continue;
            }
            let mut shard = self.lock(number);
            shard.look_ahead(members);
            for member in members {
                let link = member.parent & !DEPTH | depth;
                match shard.place(member.fingerprint) {
                    Ok(known) => {
                        let known = &mut shard.places[known];
                        if known.link & DEPTH == depth {
                            known.link = known.link.min(link);
                        }
                    }
                    Err(free) => {
                        shard.places[free] = Seen { fingerprint: member.fingerprint, link };
                        shard.taken += 1;
                        if shard.taken * 4 > shard.places.len() * 3 {
                            self.places.fetch_add(shard.places.len() as u64, Ordering::Relaxed);
                            shard.grow();
                        }
                        new(member.number);
                    }
                }
            }
        }
    }

    /// Where a state was reached from: a link, and by [`is_linked`] the state that it names.
    pub(super) fn parent(&self, link: u64) -> Option<u64> {
        let shard = self.lock(shard_of(link));
        let mask = shard.places.len() - 1;
        let mut place = start(link) & mask;
        loop {
            let seen = shard.places[place];
            if seen.fingerprint == 0 {
                return None;
            }
            if is_linked(seen.fingerprint, link) {
                return Some(seen.link);
            }
            place = (place + 1) & mask;
        }
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard> {
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn shard_of(fingerprint: u64) -> usize {
    (fingerprint >> (u64::BITS - SHARD_BITS)) as usize
}

/// States to be noted together, by the table that they go to.
///
/// A table is far larger than a cache, so that every look at it waits for memory. Those of a
/// batch wait at the same time.
pub(super) struct Batch {
    members: Vec<Vec<Member>>,
}

#[derive(Clone, Copy)]
struct Member {
    fingerprint: u64,
    parent: u64,
    number: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self { members: vec![Vec::new(); SHARDS] }
    }
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.members.iter_mut().for_each(Vec::clear);
    }

    /// Adds a state that was reached from `parent`.
    pub(super) fn add(&mut self, number: usize, fingerprint: u64, parent: u64) {
        self.members[shard_of(fingerprint)].push(Member { fingerprint, parent, number });
    }
}

/// Where to look first: not by the last 8 bits, which a link does not have.
const fn start(fingerprint: u64) -> usize {
    (fingerprint >> 8) as usize
}

impl Shard {
    /// Brings the places of these states into the cache, all at once.
    fn look_ahead(&self, members: &[Member]) {
        let mask = self.places.len() - 1;
        let place = |member: &Member| self.places[start(member.fingerprint) & mask].fingerprint;
        std::hint::black_box(members.iter().fold(0, |all, member| all ^ place(member)));
    }

    /// Where the fingerprint is, or the free place where it belongs.
    fn place(&self, fingerprint: u64) -> Result<usize, usize> {
        let mask = self.places.len() - 1;
        let mut place = start(fingerprint) & mask;
        loop {
            match self.places[place].fingerprint {
                0 => return Err(place),
                known if known == fingerprint => return Ok(place),
                _ => place = (place + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        let larger = vec![Seen::default(); self.places.len() * 2];
        let smaller = std::mem::replace(&mut self.places, larger);
        for seen in smaller.into_iter().filter(|seen| seen.fingerprint != 0) {
            if let Err(free) = self.place(seen.fingerprint) {
                self.places[free] = seen;
            }
        }
    }
}
