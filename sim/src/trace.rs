//! A hash over everything that happens in a run, in order.
//!
//! Two runs of one seed must give the same hash in any process on any machine, so it takes
//! words of fixed width and mixes them with fixed constants. What is derived to be hashed goes in
//! as words too, whatever the platform's own width; what the derived code calls is the compiler's
//! affair, so a hash holds for one version of it.

use std::hash::Hasher;

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

impl Hasher for Trace {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let word = chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
            self.word(word);
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.word(word.into());
    }

    fn write_u16(&mut self, word: u16) {
        self.word(word.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.word(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.word(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.word(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.word(word.cast_unsigned() as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
