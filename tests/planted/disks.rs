//! Disks that say they have synced.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indoubt_real::log::{FileLog, Storage};
use indoubt_sim::disk::Mount;
use indoubt_sim::history::Place;
use indoubt_sim::participant::SimParticipant;
use indoubt_sim::world::{Seams, Watched};

/// Syncs as it should while a log is opened, and no longer once it is in use.
pub(crate) struct Lazy {
    disk: Mount,
    sleeps: bool,
    opened: Arc<AtomicBool>,
}

impl Lazy {
    fn new(disk: Mount, sleeps: bool) -> Self {
        Self { disk, sleeps, opened: Arc::default() }
    }
}

impl Storage for Lazy {
    type File = <Mount as Storage>::File;
    type Lock = <Mount as Storage>::Lock;

    async fn lock(&self) -> io::Result<Option<Self::Lock>> {
        self.disk.lock().await
    }

    async fn draw(&self) -> io::Result<u32> {
        self.disk.draw().await
    }

    async fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list().await
    }

    async fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.disk.read(name).await
    }

    async fn create(&self, name: &str) -> io::Result<Self::File> {
        // Both logs are opened by writing a new file, and then only append to it.
        self.opened.store(false, Ordering::Relaxed);
        self.disk.create(name).await
    }

    async fn append(&self, file: &Self::File, bytes: Vec<u8>) -> io::Result<()> {
        self.disk.append(file, bytes).await
    }

    async fn sync(&self, file: &Self::File) -> io::Result<()> {
        if self.sleeps && self.opened.load(Ordering::Relaxed) {
            Ok(())
        } else {
            self.disk.sync(file).await
        }
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to).await
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name).await
    }

    async fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir().await?;
        self.opened.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// The decision's sync is skipped.
#[derive(Clone)]
pub(crate) struct DecisionNeverSynced;

impl Seams for DecisionNeverSynced {
    type Disk = Lazy;
    type Log = Watched<FileLog<Lazy>>;
    type Participant = SimParticipant;

    fn disk(&self, disk: Mount, place: Place) -> Lazy {
        Lazy::new(disk, matches!(place, Place::Coordinator(_)))
    }

    fn log(&self, log: Watched<FileLog<Lazy>>) -> Self::Log {
        log
    }

    fn participant(&self, participant: SimParticipant) -> SimParticipant {
        participant
    }
}

/// A participant acknowledges a prepare that it has not made durable (MySQL bug 98709).
#[derive(Clone)]
pub(crate) struct PrepareNeverSynced;

impl Seams for PrepareNeverSynced {
    type Disk = Lazy;
    type Log = Watched<FileLog<Lazy>>;
    type Participant = SimParticipant;

    fn disk(&self, disk: Mount, place: Place) -> Lazy {
        Lazy::new(disk, matches!(place, Place::Participant(_)))
    }

    fn log(&self, log: Watched<FileLog<Lazy>>) -> Self::Log {
        log
    }

    fn participant(&self, participant: SimParticipant) -> SimParticipant {
        participant
    }
}
