//! A simulated disk, on which the shipped decision log runs unchanged.
//!
//! It exists because madsim's own file system keeps unsynced data over a crash and never
//! fails, which hides just the bugs that a log can have. A [`SimDisk`] is one machine's disk
//! and outlives its crashes; every process that runs on the machine gets a [`Mount`] of it, which
//! implements the log's [`Storage`](indoubt_real::log::Storage).
//!
//! Each call draws the same number of words from the disk's own streams whatever faults are
//! set, so that removing a fault shifts nothing else. Absent: overwriting, truncating and
//! directories in directories, for which the storage has no call.

mod content;
mod faults;
mod machine;
mod mount;
mod names;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use madsim::time::TimeHandle;

use crate::history::Place;
use crate::sentry::{Sentry, Sign};

pub use self::faults::{DiskFaults, DiskLatency, DiskStats};
use self::machine::Machine;
pub use self::mount::{Mount, MountId, MountLock, SimFile};

/// The disk of one machine. Clones are handles on the same disk.
#[derive(Clone, Debug)]
pub struct SimDisk {
    machine: Arc<Mutex<Machine>>,
    /// Whose it is, and who is told of its calls.
    told: Option<(Place, Sentry)>,
}

/// Where a bit was flipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlippedBit {
    /// The file's name.
    pub file: String,
    /// The byte's offset.
    pub offset: u64,
    /// The bit within the byte.
    pub bit: u8,
}

impl SimDisk {
    /// An empty disk without faults, which draws from this stream under this seed.
    pub fn new(seed: u64, stream: u64, latency: DiskLatency) -> Self {
        let machine = Arc::new(Mutex::new(Machine::new(seed, stream, latency)));
        Self { machine, told: None }
    }

    /// The same disk, whose crashes draw from another stream: the `fate`-th beside the one that it has.
    pub fn fated(self, fate: u32) -> Self {
        self.machine().fated(fate);
        self
    }

    /// The same disk, of this place, which tells this sentry of its calls.
    pub fn of(self, place: Place, sentry: Sentry) -> Self {
        Self { told: Some((place, sentry)), ..self }
    }

    fn tell(&self, sync: bool, done: bool) {
        if let Some((place, sentry)) = &self.told {
            sentry.tell(Sign::Disk { place: *place, sync, done });
        }
    }

    /// The disk as a process that starts now sees it.
    pub fn mount(&self) -> Mount {
        let id = self.machine().mount();
        Mount::new(self.clone(), id)
    }

    /// Cuts the power: of what was not synced, the streams decide what is left. Every mount is
    /// dead from now on and its calls never return; locks are released.
    pub fn crash(&self) {
        self.machine().crash();
    }

    /// Ends one process: its mount is dead and its lock released. Nothing is lost, because
    /// what it wrote is the kernel's.
    pub fn kill(&self, mount: MountId) {
        self.machine().kill(mount);
    }

    /// Sets which faults may strike from now on; the default is none.
    pub fn set_faults(&self, faults: DiskFaults) {
        self.machine().set_faults(faults);
    }

    /// Fills the disk up for this long, from now.
    ///
    /// # Panics
    /// Outside a madsim runtime.
    pub fn fill_for(&self, duration: Duration) {
        let until = TimeHandle::current().elapsed() + duration;
        self.machine().fill_until(until);
    }

    /// Has no call that is made for this long, from now, return before that is over.
    ///
    /// # Panics
    /// Outside a madsim runtime.
    pub fn stick_for(&self, duration: Duration) {
        let until = TimeHandle::current().elapsed() + duration;
        self.machine().stick_until(until);
    }

    /// Has every call take so many times as long, from now on.
    pub fn drag(&self, factor: u32) {
        self.machine().drag(factor);
    }

    /// Has so many of 1000 reads return one flipped bit, from now on. What is on the disk stays sound.
    pub fn misread(&self, permille: u16) {
        self.machine().misread(permille);
    }

    /// Flips a bit of synced data, if there is any.
    pub fn flip_bit(&self) -> Option<FlippedBit> {
        self.machine().flip_bit()
    }

    /// Releases the lock without its holder's knowledge, so that a second process gets it.
    pub fn break_lock(&self) {
        self.machine().break_lock();
    }

    /// How often each fault has struck.
    pub fn stats(&self) -> DiskStats {
        self.machine().stats()
    }

    /// A hash over all calls so far, their sizes and fates, and over the crashes.
    pub fn trace_hash(&self) -> u64 {
        self.machine().trace_hash()
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
