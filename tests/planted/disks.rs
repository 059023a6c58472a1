//! Disks that say they have synced: as they should while a log is opened, and no longer once it is
//! in use.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use indoubt_real::log::Storage;
use indoubt_sim::bend::Bend;
use indoubt_sim::history::Place;

/// Both logs are opened by writing a new file, and then only append to it.
#[derive(Default)]
pub(crate) struct Lazy<const LOG: bool>(AtomicBool);

/// The decision's sync is skipped.
pub(crate) type DecisionNeverSynced = Lazy<true>;

/// A participant acknowledges a prepare that it has not made durable (MySQL bug 98709).
pub(crate) type PrepareNeverSynced = Lazy<false>;

impl<const LOG: bool> Bend for Lazy<LOG> {
    async fn create<D: Storage>(&self, _: Place, disk: &D, name: &str) -> io::Result<D::File> {
        self.0.store(false, Relaxed);
        disk.create(name).await
    }

    async fn sync_dir<D: Storage>(&self, _: Place, disk: &D) -> io::Result<()> {
        disk.sync_dir().await?;
        self.0.store(true, Relaxed);
        Ok(())
    }

    async fn sync<D: Storage>(&self, place: Place, disk: &D, file: &D::File) -> io::Result<()> {
        let lazy = matches!(place, Place::Coordinator(_)) == LOG && self.0.load(Relaxed);
        if lazy { Ok(()) } else { disk.sync(file).await }
    }
}
