//! A participant's write-ahead log, on a simulated disk.
//!
//! Each record is forced before it counts. Opening rewrites the log into a new file: what was
//! read may come from a cache that a failed sync has left, and only a file that was forced as
//! a whole is evidence. It also cuts a torn tail.

use std::io;
use std::marker::PhantomData;

use indoubt_real::log::Storage;
use indoubt_real::log::frame::{self, End};
use serde::Serialize;
use serde::de::DeserializeOwned;

const NAME: &str = "wal";
const NEXT: &str = "wal.next";
/// One log a disk, so one salt serves.
const SALT: u64 = 0x77a1;

/// An open log of records.
pub(crate) struct Journal<D: Storage, R> {
    disk: D,
    file: D::File,
    length: u64,
    /// A write failed: what the file holds is unknown, so nothing may follow.
    broken: bool,
    records: PhantomData<fn(R)>,
}

impl<D: Storage, R: Serialize + DeserializeOwned> Journal<D, R> {
    /// Opens the log and gives its records; on an empty disk it begins with `first`.
    ///
    /// # Errors
    /// Those of the disk, and a corrupt log.
    pub(crate) async fn open(
        disk: D,
        first: impl FnOnce() -> Vec<R>,
    ) -> io::Result<(Self, Vec<R>)> {
        let names = disk.list().await?;
        let exists = |name: &str| names.iter().any(|other| other == name);
        let records = if exists(NAME) { decode(&disk.read(NAME).await?)? } else { first() };
        if exists(NEXT) {
            disk.remove(NEXT).await?;
        }
        let file = disk.create(NEXT).await?;
        let mut bytes = Vec::new();
        for record in &records {
            push(&mut bytes, 0, record)?;
        }
        let length = bytes.len() as u64;
        disk.append(&file, bytes).await?;
        disk.sync(&file).await?;
        disk.rename(NEXT, NAME).await?;
        disk.sync_dir().await?;
        Ok((Self { disk, file, length, broken: false, records: PhantomData }, records))
    }

    /// Appends a record and forces it. After an error the log must be opened anew.
    pub(crate) async fn write(&mut self, record: &R) -> io::Result<()> {
        self.write_all(std::slice::from_ref(record)).await
    }

    /// The same with several, at the price of one.
    pub(crate) async fn write_all(&mut self, records: &[R]) -> io::Result<()> {
        if std::mem::replace(&mut self.broken, true) {
            return Err(io::Error::other("an earlier write failed"));
        }
        let mut bytes = Vec::new();
        for record in records {
            push(&mut bytes, self.length, record)?;
        }
        self.length += bytes.len() as u64;
        self.disk.append(&self.file, bytes).await?;
        self.disk.sync(&self.file).await?;
        self.broken = false;
        Ok(())
    }
}

fn push<R: Serialize>(bytes: &mut Vec<u8>, start: u64, record: &R) -> io::Result<()> {
    let payload = postcard::to_stdvec(record).map_err(io::Error::other)?;
    let offset = start + bytes.len() as u64;
    frame::push(bytes, SALT, offset, &payload);
    Ok(())
}

fn decode<R: DeserializeOwned>(bytes: &[u8]) -> io::Result<Vec<R>> {
    let contents = frame::read(SALT, bytes);
    if let End::Corrupt { offset } = contents.end {
        return Err(io::Error::other(format!("corrupt at {offset}")));
    }
    contents
        .payloads
        .iter()
        .map(|payload| postcard::from_bytes(payload.bytes).map_err(io::Error::other))
        .collect()
}
