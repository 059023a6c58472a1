//! A hash over everything that happens in a run, in order.
//!
//! Two runs of one seed must give the same hash in any process on any machine, so it takes
//! words of fixed width and mixes them with fixed constants: no `std::hash`, whose width
//! follows the platform.

/// A running hash over a sequence of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace(u64);

impl Default for Trace {
    fn default() -> Self {
        Self(0x1d0b_75e4_6f3a_9c21)
    }
}

impl Trace {
    /// Mixes one word in.
    pub fn word(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed.rotate_left(29) ^ (mixed >> 32);
    }

    /// The hash so far.
    pub const fn hash(self) -> u64 {
        self.0
    }
}
