//! A disk, some steps of which are bent.

use std::io;

use indoubt_real::log::Storage;

use super::Bend;
use crate::history::Place;

/// A mounted disk, bent.
pub struct BentDisk<B, D> {
    disk: D,
    place: Place,
    bend: B,
}

impl<B: Bend, D> BentDisk<B, D> {
    /// The disk of this place, bent by a value of its own.
    pub fn new(disk: D, place: Place) -> Self {
        Self { disk, place, bend: B::default() }
    }
}

impl<B: Bend, D: Storage> Storage for BentDisk<B, D> {
    type File = D::File;
    type Lock = D::Lock;

    fn lock(&self) -> impl Future<Output = io::Result<Option<D::Lock>>> + Send {
        self.disk.lock()
    }

    fn draw(&self) -> impl Future<Output = io::Result<u32>> + Send {
        self.disk.draw()
    }

    fn list(&self) -> impl Future<Output = io::Result<Vec<String>>> + Send {
        self.disk.list()
    }

    fn read(&self, name: &str) -> impl Future<Output = io::Result<Vec<u8>>> + Send {
        self.disk.read(name)
    }

    fn create(&self, name: &str) -> impl Future<Output = io::Result<D::File>> + Send {
        self.bend.create(self.place, &self.disk, name)
    }

    fn append(
        &self,
        file: &D::File,
        bytes: Vec<u8>,
    ) -> impl Future<Output = io::Result<()>> + Send {
        self.bend.append(self.place, &self.disk, file, bytes)
    }

    fn sync(&self, file: &D::File) -> impl Future<Output = io::Result<()>> + Send {
        self.bend.sync(self.place, &self.disk, file)
    }

    fn rename(&self, from: &str, to: &str) -> impl Future<Output = io::Result<()>> + Send {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> impl Future<Output = io::Result<()>> + Send {
        self.disk.remove(name)
    }

    fn sync_dir(&self) -> impl Future<Output = io::Result<()>> + Send {
        self.bend.sync_dir(self.place, &self.disk)
    }
}
