//! What can go wrong on a disk, how long its calls take, and how often something struck.

use std::time::Duration;

/// Which faults may strike. All are off by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskFaults {
    /// How many of 1000 syncs fail. What was to be synced stays readable until a crash, but
    /// only a random first part of it is durable, and no later sync changes that.
    pub failed_sync: u16,
    /// How many of 1000 appends write a random first part only, and fail.
    pub short_write: u16,
    /// How many of 1000 reads and listings fail.
    pub read_error: u16,
    /// How many bytes fit on the disk; appends beyond write what fits, and fail.
    pub capacity: Option<u64>,
}

/// How long calls take: from the first to the second, both included. Zero by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskLatency {
    /// All calls but syncs.
    pub call: (Duration, Duration),
    /// Syncs of a file or of the directory.
    pub sync: (Duration, Duration),
}

/// How often each fault has struck, in calls, crashed files or crashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskStats {
    /// Appends that succeeded.
    pub appends: u64,
    /// Syncs of a file or of the directory that succeeded.
    pub syncs: u64,
    /// Syncs that failed.
    pub failed_syncs: u64,
    /// Appends that were cut short.
    pub short_writes: u64,
    /// Appends and creations that found the disk full.
    pub full_disk: u64,
    /// Reads and listings that failed.
    pub read_errors: u64,
    /// Calls that were made while the disk was stuck.
    pub stuck: u64,
    /// Calls that were made while the disk was slow.
    pub dragged: u64,
    /// Reads that returned a flipped bit.
    pub misread: u64,
    /// Power failures.
    pub crashes: u64,
    /// Files of which a crash took all that was unsynced.
    pub tails_lost: u64,
    /// Files of which it left a part.
    pub tails_torn: u64,
    /// Files of which it left a part whose last sector is garbage.
    pub tails_garbled: u64,
    /// Files of which it took nothing, although it could have.
    pub tails_kept: u64,
    /// Unsynced creations, renames and removals that a crash undid.
    pub names_lost: u64,
    /// Bits that were flipped.
    pub bits_flipped: u64,
    /// Locks that were broken.
    pub locks_broken: u64,
}

impl DiskStats {
    /// Adds another disk's.
    pub const fn add(&mut self, other: &Self) {
        self.appends += other.appends;
        self.syncs += other.syncs;
        self.failed_syncs += other.failed_syncs;
        self.short_writes += other.short_writes;
        self.full_disk += other.full_disk;
        self.read_errors += other.read_errors;
        self.stuck += other.stuck;
        self.dragged += other.dragged;
        self.misread += other.misread;
        self.crashes += other.crashes;
        self.tails_lost += other.tails_lost;
        self.tails_torn += other.tails_torn;
        self.tails_garbled += other.tails_garbled;
        self.tails_kept += other.tails_kept;
        self.names_lost += other.names_lost;
        self.bits_flipped += other.bits_flipped;
        self.locks_broken += other.locks_broken;
    }
}
