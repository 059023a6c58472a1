//! Getting bytes to the disk: batches, rewriting, and the look for a successor.
//!
//! All of it happens in turns of the writer (`turn`). A rewrite serves three ends alike: it repairs a
//! file of which a write has failed, compacts one that has grown, and brings one back that has
//! disappeared. Absent: retries; a caller that wants one asks again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use indoubt::{ForceError, LogError};

use super::core::{Core, Force};
use super::frame;
use super::names;
use super::record::{self, Key};
use super::storage::Storage;

/// Where a batch stops taking more forces along, in bytes.
const BATCH_BYTES: usize = 1 << 20;

/// The file being written to.
#[derive(Debug)]
pub(super) struct Writer<F> {
    pub(super) file: F,
    pub(super) length: u64,
    /// Why the file's content is not known; it must be rewritten before anything else.
    pub(super) broken: Option<String>,
    /// A compaction that failed is not tried again before the file has this length.
    pub(super) compact_at: u64,
}

/// Why the log did not do as it was asked.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    Fenced,
    Io(String),
}

impl Failure {
    pub(super) fn of_force(self, epoch: u64) -> ForceError {
        match self {
            Self::Fenced => ForceError::Fenced { epoch },
            Self::Io(reason) => ForceError::Unknown { reason },
        }
    }

    pub(super) fn of_log(self, epoch: u64) -> LogError {
        match self {
            Self::Fenced => LogError::Fenced { epoch },
            Self::Io(reason) => LogError::Unreadable { reason },
        }
    }

    fn io(action: &str, error: &io::Error) -> Self {
        Self::Io(format!("cannot {action}: {error}"))
    }
}

/// Forces that are being written. If a panic ends that, they go back to the queue: the file is
/// repaired before anything else, so they are known not to be in it, and whoever waits for them
/// wants them written and not given up.
struct Batch<'a, S: Storage> {
    log: &'a Core<S>,
    forces: Vec<Force>,
}

impl<S: Storage> Drop for Batch<'_, S> {
    fn drop(&mut self) {
        let mut shared = self.log.shared();
        // Still there only if the write did not come to its end.
        shared.state.interrupt();
        for force in self.forces.drain(..).rev().filter(|force| !force.answer.is_canceled()) {
            shared.forces.push_front(force);
        }
    }
}

impl<S: Storage> Core<S> {
    /// Writes what is queued, or the first part of it, as one batch, and answers its forces.
    pub(super) async fn write_batch(&self, writer: &mut Writer<S::File>) -> Result<(), Failure> {
        let mut batch = Batch { log: self, forces: self.take_forces() };
        let written = self.write(writer, &batch.forces).await;
        self.shared().state.written(writer.broken.is_some());
        let fails = matches!(written, Err(Failure::Io(_)));
        for force in std::mem::take(&mut batch.forces) {
            if fails {
                self.shared().ledger.force_failed(Key::of(&force.commit.gid));
            }
            // A force that was dropped does not want to know.
            let _ =
                force.answer.send(written.clone().map_err(|failure| failure.of_force(self.epoch)));
        }
        if written.is_ok() {
            self.compact_if_grown(writer).await;
        }
        written
    }

    fn take_forces(&self) -> Vec<Force> {
        let mut shared = self.shared();
        // What nobody waits for any more is left out: a reader may have said that it is absent.
        shared.forces.retain(|force| !force.answer.is_canceled());
        let mut bytes = 0;
        let fitting = shared.forces.iter().take_while(|force| {
            let fits = bytes < BATCH_BYTES;
            bytes += record::size(&force.commit);
            fits
        });
        let count = fitting.count();
        let forces: Vec<_> = shared.forces.drain(..count).collect();
        shared.state.write(keys(&forces));
        forces
    }

    /// Appends one batch, syncs it, and only then looks for a successor.
    async fn write(&self, writer: &mut Writer<S::File>, forces: &[Force]) -> Result<(), Failure> {
        if self.is_fenced() {
            return Err(Failure::Fenced);
        }
        self.repair(writer).await?;
        self.shared().state.write(keys(forces));
        let forgets = self.shared().forgets.clone();
        let mut bytes = Vec::new();
        let payload =
            record::batch(forces.iter().map(|force| &*force.commit), forgets.iter().copied());
        frame::push(&mut bytes, self.epoch, writer.length, &payload);
        let length = writer.length + bytes.len() as u64;

        // Until both have succeeded nothing is known, also after a panic.
        writer.broken = Some("a write of decisions was interrupted".to_owned());
        let appended = self.storage.append(&writer.file, bytes).await;
        appended.map_err(|error| writer.broke("write decisions", &error))?;
        let synced = self.storage.sync(&writer.file).await;
        synced.map_err(|error| writer.broke("sync decisions", &error))?;
        writer.broken = None;
        writer.length = length;

        {
            let mut shared = self.shared();
            for force in forces {
                shared.ledger.commit(Arc::clone(&force.commit));
            }
            // A file keeps the order commit, forget; so must the ledger.
            for &key in &forgets {
                shared.ledger.forget(key);
            }
            shared.forgets.drain(..forgets.len());
        }
        self.check_fence(writer).await
    }

    /// Makes the file's content known again, if it is not.
    pub(super) async fn repair(&self, writer: &mut Writer<S::File>) -> Result<(), Failure> {
        if let Some(broken) = &writer.broken {
            let context = format!("repair the decision log's file after an error ({broken})");
            self.rewrite(writer).await.map_err(|error| Failure::io(&context, &error))?;
        }
        self.shared().state.repaired();
        Ok(())
    }

    /// A failure before the rename leaves the old file in use, and is no one's concern.
    async fn compact_if_grown(&self, writer: &mut Writer<S::File>) {
        let content = self.shared().ledger.bytes();
        let grown = writer.length >= self.options.compact_from_bytes.max(writer.compact_at)
            && writer.length >= content.saturating_mul(self.options.compact_ratio.max(2));
        if grown && let Err(error) = self.rewrite(writer).await {
            tracing::warn!(%error, "the decision log could not be compacted; it goes on growing for now");
            writer.compact_at = writer.length * 2;
        }
    }

    /// Replaces the file by a snapshot of the ledger, all of which is durable or a forget.
    async fn rewrite(&self, writer: &mut Writer<S::File>) -> io::Result<()> {
        let payload = record::snapshot(&self.shared().ledger.snapshot());
        let mut bytes = Vec::new();
        frame::push(&mut bytes, self.epoch, 0, &payload);
        let length = bytes.len() as u64;
        let replacement = write_aside(&self.storage, self.epoch, bytes).await?;
        // From here on a crash may leave either file, so neither can be appended to.
        writer.broken.get_or_insert_with(|| "a rewrite was interrupted".to_owned());
        let file = put_in_place(&self.storage, self.epoch, replacement).await?;
        *writer = Writer { file, length, broken: None, compact_at: 0 };
        Ok(())
    }

    pub(super) fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::Acquire)
    }

    /// Looks whether a newer epoch has been taken.
    pub(super) async fn check_fence(&self, writer: &mut Writer<S::File>) -> Result<(), Failure> {
        if !self.look_for_successor().await? {
            // Someone removed it. What was written since is in no file that an opening can find.
            let reason = format!("{} has disappeared", names::decisions(self.epoch));
            writer.broken = Some(reason.clone());
            self.shared().state.written(true);
            return Err(Failure::Io(reason));
        }
        Ok(())
    }

    /// Fails if there is a newer epoch; else whether this one's file is there.
    pub(super) async fn look_for_successor(&self) -> Result<bool, Failure> {
        if self.is_fenced() {
            return Err(Failure::Fenced);
        }
        let names = self
            .storage
            .list()
            .await
            .map_err(|error| Failure::io("look for a newer epoch", &error))?;
        let epochs = names::epochs(&names);
        if epochs.last().is_some_and(|&last| last > self.epoch) {
            self.fenced.store(true, Ordering::Release);
            return Err(Failure::Fenced);
        }
        Ok(epochs.contains(&self.epoch))
    }
}

fn keys(forces: &[Force]) -> impl Iterator<Item = Key> {
    forces.iter().map(|force| Key::of(&force.commit.gid))
}

impl<F> Writer<F> {
    fn broke(&mut self, action: &str, error: &io::Error) -> Failure {
        let failure = Failure::io(action, error);
        if let Failure::Io(reason) = &failure {
            self.broken = Some(reason.clone());
        }
        failure
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
