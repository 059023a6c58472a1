//! What is done in a turn: batches, repairs, and the look for a successor.
//!
//! All of it happens in turns of the writer (`turn`). A rewrite serves three ends alike: it repairs a
//! file of which a write has failed, compacts one that has grown, and brings one back that has
//! disappeared. Absent: how bytes get to the disk (`journal`), and retries; a caller that wants one asks
//! again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::core::{Core, Force};
use super::failure::Failure;
use super::journal::Journal;
use super::key::Key;
use super::names;
use super::record;
use super::storage::Storage;

/// Where a batch stops taking more forces along, in bytes.
const BATCH_BYTES: usize = 1 << 20;

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
    pub(super) async fn write_batch(&self, journal: &mut Journal<S::File>) -> Result<(), Failure> {
        let mut batch = Batch { log: self, forces: self.take_forces() };
        let written = self.write(journal, &batch.forces).await;
        self.shared().state.written(journal.broken().is_some());
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
            self.compact_if_grown(journal).await;
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
    async fn write(&self, journal: &mut Journal<S::File>, forces: &[Force]) -> Result<(), Failure> {
        if self.is_fenced() {
            return Err(Failure::Fenced);
        }
        self.repair(journal).await?;
        self.shared().state.write(keys(forces));
        let forgets = self.shared().forgets.clone();
        let commits = forces.iter().map(|force| &*force.commit);
        let batch = record::batch(commits, forgets.iter().copied());
        journal.append(&self.storage, &batch).await?;

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
        self.check_fence(journal).await
    }

    /// Makes the file's content known again, if it is not.
    pub(super) async fn repair(&self, journal: &mut Journal<S::File>) -> Result<(), Failure> {
        if let Some(broken) = journal.broken() {
            let context = format!("repair the decision log's file after an error ({broken})");
            self.rewrite(journal).await.map_err(|error| Failure::io(&context, &error))?;
        }
        self.shared().state.repaired();
        Ok(())
    }

    /// A failure before the rename leaves the old file in use, and is no one's concern.
    async fn compact_if_grown(&self, journal: &mut Journal<S::File>) {
        let content = self.shared().ledger.bytes();
        if journal.has_grown(content, &self.options)
            && let Err(error) = self.rewrite(journal).await
        {
            tracing::warn!(%error, "the decision log could not be compacted; it goes on growing for now");
            journal.put_compaction_off();
        }
    }

    /// Replaces the file by a snapshot of the ledger, all of which is durable or a forget.
    async fn rewrite(&self, journal: &mut Journal<S::File>) -> io::Result<()> {
        let snapshot = record::snapshot(&self.shared().ledger.snapshot());
        journal.rewrite(&self.storage, &snapshot).await
    }

    pub(super) fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::Acquire)
    }

    /// Looks whether a newer epoch has been taken.
    pub(super) async fn check_fence(&self, journal: &mut Journal<S::File>) -> Result<(), Failure> {
        if !self.look_for_successor().await? {
            // Someone removed it. What was written since is in no file that an opening can find.
            let reason = format!("{} has disappeared", names::decisions(self.epoch));
            journal.broke(reason.clone());
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
