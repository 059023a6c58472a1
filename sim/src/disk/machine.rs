//! The state of one disk: its files, who has it mounted, its faults and its streams of draws.
//!
//! Absent: time. A call is rolled for, waits elsewhere, and takes effect here at once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use super::FlippedBit;
use super::content::{Content, Tail};
use super::faults::{DiskFaults, DiskLatency, DiskStats};
use super::mount::{Inode, MountId};
use super::names::Names;
use crate::draw::Draw;
use crate::trace::Trace;

#[derive(Debug)]
pub(super) struct Machine {
    /// For calls. Crashes and flipped bits have one of their own, so as not to shift it.
    calls: Draw,
    accidents: Draw,
    /// For what a process asks it to draw.
    identities: Draw,
    latency: DiskLatency,
    faults: DiskFaults,
    /// Full up to this moment of virtual time.
    full_until: Duration,
    /// What every call takes so many times as long as.
    drag: u32,
    /// How many of 1000 reads have a bit flipped.
    misread: u16,
    /// Stuck up to this moment.
    stuck_until: Duration,
    files: BTreeMap<Inode, Content>,
    names: Names,
    next: u64,
    mounts: BTreeSet<MountId>,
    /// Who has yet to be told that a sync of the directory has failed: as on Linux, each
    /// process that had it open is, once, whoever asked for that sync.
    untold: BTreeSet<MountId>,
    holder: Option<Holder>,
    stats: DiskStats,
    trace: Trace,
}

/// Who has the lock, and which taking of it that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    mount: MountId,
    taking: u64,
}

/// The kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Lock,
    List,
    Read,
    Create,
    Append,
    Sync,
    Rename,
    Remove,
    SyncDir,
}

/// What was drawn for one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Roll {
    pub(super) latency: Duration,
    /// Whether the call takes effect at its beginning rather than at its end.
    pub(super) early: bool,
    fault: u16,
    part: u64,
}

impl Roll {
    fn strikes(self, per_mille: u16) -> bool {
        self.fault < per_mille
    }

    /// A random first part of so many.
    fn part_of(self, whole: usize) -> usize {
        let part = (u128::from(self.part) * (whole as u128 + 1)) >> 64;
        usize::try_from(part).unwrap_or(whole)
    }
}

/// What is added to a disk's stream number for its accidents; far from any that a harness
/// counts up to.
const ACCIDENTS: u64 = 1 << 63;
/// The same for identities.
const IDENTITIES: u64 = 1 << 62;

impl Machine {
    pub(super) fn new(seed: u64, stream: u64, latency: DiskLatency) -> Self {
        Self {
            calls: Draw::new(seed, stream),
            accidents: Draw::new(seed, stream ^ ACCIDENTS),
            identities: Draw::new(seed, stream ^ IDENTITIES),
            latency,
            faults: DiskFaults::default(),
            full_until: Duration::ZERO,
            drag: 1,
            misread: 0,
            stuck_until: Duration::ZERO,
            files: BTreeMap::new(),
            names: Names::default(),
            next: 0,
            mounts: BTreeSet::new(),
            untold: BTreeSet::new(),
            holder: None,
            stats: DiskStats::default(),
            trace: Trace::default(),
        }
    }

    /// Has its accidents drawn from another stream, one for each number; of 0 from its own.
    pub(super) fn fated(&mut self, fate: u32) {
        if fate > 0 {
            self.accidents = Draw::new(self.accidents.next_u64() ^ u64::from(fate), ACCIDENTS);
        }
    }

    pub(super) fn mount(&mut self) -> MountId {
        let id = MountId(self.number());
        self.mounts.insert(id);
        id
    }

    pub(super) fn is_alive(&self, mount: MountId) -> bool {
        self.mounts.contains(&mount)
    }

    pub(super) fn kill(&mut self, mount: MountId) {
        self.mounts.remove(&mount);
        self.untold.remove(&mount);
        if self.holder.is_some_and(|holder| holder.mount == mount) {
            self.holder = None;
        }
    }

    pub(super) fn crash(&mut self) {
        self.mounts.clear();
        self.untold.clear();
        self.holder = None;
        self.stats.crashes += 1;
        let pending = self.names.dirty();
        let kept = usize::try_from(self.accidents.below(pending as u64 + 1)).unwrap_or_default();
        self.stats.names_lost += (pending - kept) as u64;
        self.names.crash(kept);
        self.drop_unnamed();
        self.trace.word(kept as u64);
        for content in self.files.values_mut() {
            let tail = content.crash(&mut self.accidents);
            let count = match tail {
                Tail::None => None,
                Tail::Lost => Some(&mut self.stats.tails_lost),
                Tail::Torn => Some(&mut self.stats.tails_torn),
                Tail::Garbled => Some(&mut self.stats.tails_garbled),
                Tail::Kept => Some(&mut self.stats.tails_kept),
            };
            if let Some(count) = count {
                *count += 1;
            }
            self.trace.word(content.bytes().len() as u64 ^ ((tail as u64) << 56));
        }
    }

    pub(super) fn set_faults(&mut self, faults: DiskFaults) {
        self.faults = faults;
    }

    pub(super) fn fill_until(&mut self, moment: Duration) {
        self.full_until = moment;
    }

    pub(super) fn stick_until(&mut self, moment: Duration) {
        self.stuck_until = moment;
    }

    pub(super) fn drag(&mut self, factor: u32) {
        self.drag = factor;
    }

    pub(super) fn misread(&mut self, permille: u16) {
        self.misread = permille;
    }

    /// How long a call takes that is made now, if it would take this long.
    fn delayed(&mut self, latency: Duration, now: Duration) -> Duration {
        let stuck = self.stuck_until.saturating_sub(now);
        self.stats.stuck += u64::from(!stuck.is_zero());
        self.stats.dragged += u64::from(self.drag > 1);
        (latency * self.drag).max(stuck)
    }

    pub(super) fn break_lock(&mut self) {
        if self.holder.take().is_some() {
            self.stats.locks_broken += 1;
        }
    }

    pub(super) fn flip_bit(&mut self) -> Option<FlippedBit> {
        let bit = (self.accidents.next_u64() & 7) as u8;
        let synced = |inode: &Inode| self.files.get(inode).map_or(0, Content::synced);
        let total: usize = self.names.seen().values().map(synced).sum();
        let mut at = usize::try_from(self.accidents.below(total as u64)).unwrap_or_default();
        let (file, inode) = self.names.seen().iter().find(|(_, inode)| {
            let here = synced(inode);
            let found = at < here;
            if !found {
                at -= here;
            }
            found
        })?;
        let (file, offset) = (file.clone(), at as u64);
        self.files.get_mut(inode)?.flip(at, bit);
        self.stats.bits_flipped += 1;
        self.trace.word(offset << 3 | u64::from(bit));
        Some(FlippedBit { file, offset, bit })
    }

    pub(super) const fn stats(&self) -> DiskStats {
        self.stats
    }

    pub(super) const fn trace_hash(&self) -> u64 {
        self.trace.hash()
    }

    /// A random number for a process.
    pub(super) fn draw(&mut self) -> u32 {
        (self.identities.next_u64() >> 32) as u32
    }

    /// Draws for one call: always as many words, whatever the call and the faults.
    pub(super) fn roll(&mut self, call: Call, now: Duration) -> Roll {
        let (low, high) = match call {
            Call::Sync | Call::SyncDir => self.latency.sync,
            _ => self.latency.call,
        };
        let drawn = self.calls.between(low, high);
        Roll {
            latency: self.delayed(drawn, now),
            early: self.calls.permille(500),
            fault: u16::try_from(self.calls.below(1000)).unwrap_or_default(),
            part: self.calls.next_u64(),
        }
    }

    /// Notes a call's end in the trace.
    pub(super) fn trace(&mut self, call: Call, size: usize, error: Option<io::ErrorKind>) {
        // Numbers of our own: those of the standard library may change.
        let fate = match error {
            None => 0,
            Some(io::ErrorKind::NotFound) => 1,
            Some(io::ErrorKind::AlreadyExists) => 2,
            Some(io::ErrorKind::StorageFull) => 3,
            Some(_) => 4,
        };
        self.trace.word(call as u64 | fate << 8 | (size as u64) << 16);
    }

    pub(super) fn lock(&mut self, mount: MountId) -> Option<Holder> {
        if self.holder.is_some() {
            return None;
        }
        self.holder = Some(Holder { mount, taking: self.number() });
        self.holder
    }

    pub(super) fn unlock(&mut self, holder: Holder) {
        // After a crash or a broken lock someone else may have it.
        if self.holder == Some(holder) {
            self.holder = None;
        }
    }

    pub(super) fn list(&mut self, roll: Roll) -> io::Result<Vec<String>> {
        self.maybe_read_error(roll)?;
        Ok(self.names.seen().keys().cloned().collect())
    }

    pub(super) fn read(&mut self, name: &str, roll: Roll) -> io::Result<Vec<u8>> {
        self.maybe_read_error(roll)?;
        let inode = self.names.seen().get(name).ok_or(io::ErrorKind::NotFound)?;
        let content = self.files.get(inode);
        let mut bytes = content.map(|content| content.bytes().to_vec()).unwrap_or_default();
        // Not those that fail: the same draw decides.
        if roll.strikes(self.faults.read_error.saturating_add(self.misread)) && !bytes.is_empty() {
            let bit = roll.part_of(8 * bytes.len() - 1);
            bytes[bit / 8] ^= 1 << (bit % 8);
            self.stats.misread += 1;
        }
        Ok(bytes)
    }

    pub(super) fn create(&mut self, name: &str, now: Duration) -> io::Result<Inode> {
        if self.names.seen().contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if now < self.full_until {
            self.stats.full_disk += 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        let inode = Inode(self.number());
        self.files.insert(inode, Content::default());
        self.names.link(name, inode);
        Ok(inode)
    }

    pub(super) fn append(
        &mut self,
        inode: Inode,
        bytes: &[u8],
        roll: Roll,
        now: Duration,
    ) -> io::Result<()> {
        let room = if now < self.full_until { 0 } else { self.room() };
        // A file without a name that nothing refers to any more takes everything and keeps nothing.
        let Some(content) = self.files.get_mut(&inode) else { return Ok(()) };
        if room < bytes.len() {
            content.append(&bytes[..room]);
            self.stats.full_disk += 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        // Nothing cannot be written by half.
        if !bytes.is_empty() && roll.strikes(self.faults.short_write) {
            content.append(&bytes[..roll.part_of(bytes.len() - 1)]);
            self.stats.short_writes += 1;
            return Err(io::Error::other("simulated short write"));
        }
        content.append(bytes);
        self.stats.appends += 1;
        Ok(())
    }

    pub(super) fn sync(&mut self, inode: Inode, roll: Roll) -> io::Result<()> {
        let Some(content) = self.files.get_mut(&inode) else { return Ok(()) };
        if roll.strikes(self.faults.failed_sync) {
            content.fail_sync(roll.part_of(content.dirty()));
            self.stats.failed_syncs += 1;
            return Err(io::Error::other("simulated failure of a sync"));
        }
        content.sync();
        self.stats.syncs += 1;
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        if self.names.rename(from, to) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    pub(super) fn remove(&mut self, name: &str) -> io::Result<()> {
        if self.names.unlink(name) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    pub(super) fn sync_dir(&mut self, mount: MountId, roll: Roll) -> io::Result<()> {
        let failed = || io::Error::other("simulated failure of a directory's sync");
        if roll.strikes(self.faults.failed_sync) {
            self.names.sync(roll.part_of(self.names.dirty()));
            self.untold.clone_from(&self.mounts);
            self.untold.remove(&mount);
            self.stats.failed_syncs += 1;
            return Err(failed());
        }
        self.names.sync(self.names.dirty());
        if self.untold.remove(&mount) {
            return Err(failed());
        }
        self.drop_unnamed();
        self.stats.syncs += 1;
        Ok(())
    }

    fn maybe_read_error(&mut self, roll: Roll) -> io::Result<()> {
        if roll.strikes(self.faults.read_error) {
            self.stats.read_errors += 1;
            return Err(io::Error::other("simulated read error"));
        }
        Ok(())
    }

    /// How many bytes can still be appended, to all files together.
    fn room(&self) -> usize {
        let Some(capacity) = self.faults.capacity else { return usize::MAX };
        let used: usize = self.files.values().map(|content| content.bytes().len()).sum();
        usize::try_from(capacity).unwrap_or(usize::MAX).saturating_sub(used)
    }

    fn drop_unnamed(&mut self) {
        self.files.retain(|&inode, _| self.names.refers_to(inode));
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}
