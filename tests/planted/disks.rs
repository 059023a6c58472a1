//! Disks that say they have synced: as they should while a log is opened, and no longer once it is
//! in use.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use indoubt_real::log::Storage;
use indoubt_sim::bend::{Bend, BendDisk};
use indoubt_sim::disk::{Mount, SimFile};
use indoubt_sim::history::Place;

/// Both logs are opened by writing a new file, and then only append to it.
#[derive(Default)]
pub(crate) struct Lazy<const LOG: bool>(AtomicBool);

/// The decision's sync is skipped.
pub(crate) type DecisionNeverSynced = Lazy<true>;

/// A participant acknowledges a prepare that it has not made durable (MySQL bug 98709).
pub(crate) type PrepareNeverSynced = Lazy<false>;

impl<const LOG: bool> Bend for Lazy<LOG> {
    fn disk(place: Place) -> Option<Box<dyn BendDisk>> {
        let bent = matches!(place, Place::Coordinator(_)) == LOG;
        bent.then(|| Box::new(Self::default()) as _)
    }
}

impl<const LOG: bool> BendDisk for Lazy<LOG> {
    fn create<'a>(&'a self, disk: &'a Mount, name: &'a str) -> BoxFuture<'a, io::Result<SimFile>> {
        self.0.store(false, Relaxed);
        disk.create(name).boxed()
    }

    fn sync_dir<'a>(&'a self, disk: &'a Mount) -> BoxFuture<'a, io::Result<()>> {
        disk.sync_dir().inspect(|_| self.0.store(true, Relaxed)).boxed()
    }

    fn sync<'a>(&'a self, disk: &'a Mount, file: &'a SimFile) -> BoxFuture<'a, io::Result<()>> {
        if self.0.load(Relaxed) { ready(Ok(())).boxed() } else { disk.sync(file).boxed() }
    }
}
