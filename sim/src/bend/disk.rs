//! A mounted disk, some steps of which may be bent.

use std::io;

use futures::future::BoxFuture;
use indoubt_real::log::Storage;

use crate::disk::{Mount, MountLock, SimFile};

/// Steps of a disk, each as it is unless it is bent.
pub trait BendDisk: Send + Sync + 'static {
    /// [`Storage::create`].
    fn create<'a>(&'a self, disk: &'a Mount, name: &'a str) -> BoxFuture<'a, io::Result<SimFile>> {
        Box::pin(disk.create(name))
    }

    /// [`Storage::append`].
    fn append<'a>(
        &'a self,
        disk: &'a Mount,
        file: &'a SimFile,
        bytes: Vec<u8>,
    ) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(disk.append(file, bytes))
    }

    /// [`Storage::sync`].
    fn sync<'a>(&'a self, disk: &'a Mount, file: &'a SimFile) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(disk.sync(file))
    }

    /// [`Storage::sync_dir`].
    fn sync_dir<'a>(&'a self, disk: &'a Mount) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(disk.sync_dir())
    }
}

/// The disk of a place, as one process sees it.
pub struct Drive {
    mount: Mount,
    bend: Option<Box<dyn BendDisk>>,
}

impl Drive {
    /// This disk, bent if there is something that bends it.
    pub fn new(mount: Mount, bend: Option<Box<dyn BendDisk>>) -> Self {
        Self { mount, bend }
    }
}

impl Storage for Drive {
    type File = SimFile;
    type Lock = MountLock;

    fn lock(&self) -> impl Future<Output = io::Result<Option<MountLock>>> + Send {
        self.mount.lock()
    }

    fn draw(&self) -> impl Future<Output = io::Result<u32>> + Send {
        self.mount.draw()
    }

    fn list(&self) -> impl Future<Output = io::Result<Vec<String>>> + Send {
        self.mount.list()
    }

    fn read(&self, name: &str) -> impl Future<Output = io::Result<Vec<u8>>> + Send {
        self.mount.read(name)
    }

    async fn create(&self, name: &str) -> io::Result<SimFile> {
        match &self.bend {
            None => self.mount.create(name).await,
            Some(bend) => bend.create(&self.mount, name).await,
        }
    }

    async fn append(&self, file: &SimFile, bytes: Vec<u8>) -> io::Result<()> {
        match &self.bend {
            None => self.mount.append(file, bytes).await,
            Some(bend) => bend.append(&self.mount, file, bytes).await,
        }
    }

    async fn sync(&self, file: &SimFile) -> io::Result<()> {
        match &self.bend {
            None => self.mount.sync(file).await,
            Some(bend) => bend.sync(&self.mount, file).await,
        }
    }

    fn rename(&self, from: &str, to: &str) -> impl Future<Output = io::Result<()>> + Send {
        self.mount.rename(from, to)
    }

    fn remove(&self, name: &str) -> impl Future<Output = io::Result<()>> + Send {
        self.mount.remove(name)
    }

    async fn sync_dir(&self) -> io::Result<()> {
        match &self.bend {
            None => self.mount.sync_dir().await,
            Some(bend) => bend.sync_dir(&self.mount).await,
        }
    }
}
