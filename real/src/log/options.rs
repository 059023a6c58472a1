//! How much a log remembers, and when it writes its file anew.

/// What can be set about a log.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many finished commits are remembered one by one, the latest to finish, so that a
    /// client can still ask for them whenever they began.
    pub remembered: usize,
    /// How many ranges of consecutive finished commits are remembered beyond those. Every
    /// transaction that did not commit parts two ranges, so with one abort in a hundred
    /// commits the default tells exactly of the last 6.5 million transactions. More are kept while
    /// a participant cannot be reached, 16 bytes each: what may be prepared there must not expire.
    pub ranges: usize,
    /// The file is not compacted while it is shorter than this, in bytes.
    pub compact_from_bytes: u64,
    /// The file is compacted when it is this many times as long as what it says; at least 2.
    pub compact_ratio: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { remembered: 4096, ranges: 1 << 16, compact_from_bytes: 1 << 20, compact_ratio: 4 }
    }
}
