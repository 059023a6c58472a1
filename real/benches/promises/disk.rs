//! A real directory, each sync of which takes a given time at least.

use std::io;
use std::time::Duration;

use indoubt_real::log::{Directory, Storage};

/// A directory on a disk that is as slow as one says.
pub(crate) struct SlowDisk {
    pub(crate) directory: Directory,
    pub(crate) sync: Duration,
}

impl Storage for SlowDisk {
    type File = <Directory as Storage>::File;
    type Lock = <Directory as Storage>::Lock;

    async fn lock(&self) -> io::Result<Option<Self::Lock>> {
        self.directory.lock().await
    }

    async fn draw(&self) -> io::Result<u32> {
        self.directory.draw().await
    }

    async fn list(&self) -> io::Result<Vec<String>> {
        self.directory.list().await
    }

    async fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.directory.read(name).await
    }

    async fn create(&self, name: &str) -> io::Result<Self::File> {
        self.directory.create(name).await
    }

    async fn append(&self, file: &Self::File, bytes: Vec<u8>) -> io::Result<()> {
        self.directory.append(file, bytes).await
    }

    async fn sync(&self, file: &Self::File) -> io::Result<()> {
        let ((), synced) = futures::join!(tokio::time::sleep(self.sync), self.directory.sync(file));
        synced
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.directory.rename(from, to).await
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        self.directory.remove(name).await
    }

    async fn sync_dir(&self) -> io::Result<()> {
        let ((), synced) = futures::join!(tokio::time::sleep(self.sync), self.directory.sync_dir());
        synced
    }
}
