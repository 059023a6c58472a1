//! The file of this opening as it is written: batches are appended, and it is written anew.
//!
//! It knows whether what is in the file is known. From the first moment in which it may not be, to
//! the next rewrite that succeeds, it is broken, and nothing may be appended; whoever drops a call
//! in its middle, or panics in it, leaves it so. Absent: what the payloads mean, and when to rewrite.

use std::io;

use super::failure::Failure;
use super::frame;
use super::names;
use super::options::Options;
use super::storage::Storage;

/// The file being written to.
#[derive(Debug)]
pub(super) struct Journal<F> {
    epoch: u64,
    file: F,
    /// In bytes.
    length: u64,
    /// Why the file's content is not known; it must be rewritten before anything else.
    broken: Option<String>,
    /// A compaction that failed is not tried again before the file has this length.
    compact_at: u64,
}

impl<F> Journal<F> {
    /// Of a file that holds this many bytes, all of them durable.
    pub(super) fn new(epoch: u64, file: F, length: u64) -> Self {
        Self { epoch, file, length, broken: None, compact_at: 0 }
    }

    /// Why its content is not known, if it is not.
    pub(super) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Its content is not known from now on.
    pub(super) fn broke(&mut self, reason: String) {
        self.broken = Some(reason);
    }

    /// Whether it is worth writing anew, when what it says takes this many bytes.
    pub(super) fn has_grown(&self, content: u64, options: &Options) -> bool {
        self.length >= options.compact_from_bytes.max(self.compact_at)
            && self.length >= content.saturating_mul(options.compact_ratio.max(2))
    }

    /// Not again before it has grown as much once more.
    pub(super) fn put_compaction_off(&mut self) {
        self.compact_at = self.length * 2;
    }

    /// Appends a payload and syncs it. It must not be broken.
    ///
    /// # Errors
    /// It is broken from then on.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it broken.
    pub(super) async fn append<S: Storage<File = F>>(
        &mut self,
        storage: &S,
        payload: &[u8],
    ) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        frame::push(&mut bytes, self.epoch, self.length, payload);
        let length = self.length + bytes.len() as u64;
        // Until both have succeeded nothing is known, also after a panic.
        self.broke("a write of decisions was interrupted".to_owned());
        let appended = storage.append(&self.file, bytes).await;
        appended.map_err(|error| self.failed("write decisions", &error))?;
        let synced = storage.sync(&self.file).await;
        synced.map_err(|error| self.failed("sync decisions", &error))?;
        self.broken = None;
        self.length = length;
        Ok(())
    }

    fn failed(&mut self, action: &str, error: &io::Error) -> Failure {
        let failure = Failure::io(action, error);
        if let Failure::Io(reason) = &failure {
            self.broke(reason.clone());
        }
        failure
    }

    /// Replaces the file by one that holds this payload alone; it is not broken then.
    ///
    /// # Errors
    /// The old file is in use as before, or it is broken.
    pub(super) async fn rewrite<S: Storage<File = F>>(
        &mut self,
        storage: &S,
        payload: &[u8],
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        frame::push(&mut bytes, self.epoch, 0, payload);
        let length = bytes.len() as u64;
        let replacement = write_aside(storage, self.epoch, bytes).await?;
        // From here on a crash may leave either file, so neither can be appended to.
        self.broken.get_or_insert_with(|| "a rewrite was interrupted".to_owned());
        let file = put_in_place(storage, self.epoch, replacement).await?;
        *self = Self::new(self.epoch, file, length);
        Ok(())
    }
}

/// A file that is whole and durable, under a temporary name.
struct Aside<F> {
    file: F,
    temporary: String,
}

/// Writes and syncs a whole file under a temporary name of its own.
async fn write_aside<S: Storage>(
    storage: &S,
    epoch: u64,
    bytes: Vec<u8>,
) -> io::Result<Aside<S::File>> {
    let mut number = 0;
    let (file, temporary) = loop {
        let temporary = names::temporary(epoch, number);
        match storage.create(&temporary).await {
            Ok(file) => break (file, temporary),
            // Left by a crash, or a rival's: the next opening that succeeds removes it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    };
    let mut written = storage.append(&file, bytes).await;
    if written.is_ok() {
        written = storage.sync(&file).await;
    }
    if let Err(error) = written {
        // It may be what fills the disk.
        let _ = storage.remove(&temporary).await;
        return Err(error);
    }
    Ok(Aside { file, temporary })
}

/// Makes it the file of its epoch, durably.
async fn put_in_place<S: Storage>(
    storage: &S,
    epoch: u64,
    aside: Aside<S::File>,
) -> io::Result<S::File> {
    storage.rename(&aside.temporary, &names::decisions(epoch)).await?;
    storage.sync_dir().await?;
    Ok(aside.file)
}

/// Writes an epoch's file anew, whole and durable from the moment it has its name.
pub(super) async fn replace<S: Storage>(
    storage: &S,
    epoch: u64,
    bytes: Vec<u8>,
) -> io::Result<S::File> {
    let aside = write_aside(storage, epoch, bytes).await?;
    put_in_place(storage, epoch, aside).await
}
