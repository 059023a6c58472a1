//! Opening a log: taking the next epoch, and everything that was durable under the last.
//!
//! A crash at any point leaves a directory that opens. An opening is over once its own file
//! holds a whole snapshot, durably, and every older file is gone, durably; only then does it
//! answer anyone. So a file without a whole snapshot is either an opening that did not come
//! to its end, and the complete file below it holds everything, or it is damaged.
//!
//! An empty directory first gets `decisions.0`, complete from the moment it has its name. That
//! is what tells a new log, which has no file, from one that lost its files to a half-done
//! restore or a `truncate`: the latter is refused, since an empty log would abort what was
//! committed. Absent: any repair of a damaged log.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use futures::lock;
use indoubt::CoordinatorId;

use super::core::{Core, Shared};
use super::file_log::FileLog;
use super::frame::{self, End};
use super::journal::{Journal, replace};
use super::ledger::Ledger;
use super::lineages::Lineages;
use super::names;
use super::options::Options;
use super::record::{self, Malformed};
use super::state::WriterState;
use super::storage::Storage;
use super::turn::Turns;

/// A log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another opening holds the lock.
    #[error(
        "the decision log is open already: stop the coordinator that has it open, or wait for its end"
    )]
    AlreadyOpen,
    /// Another opening, without the lock, was faster.
    #[error(
        "while epoch {epoch} of the decision log was being opened, another process opened it too: make sure that \
         only one coordinator uses the directory, on a file system that can lock files, and open it again"
    )]
    Overtaken {
        /// The epoch that this opening had taken.
        epoch: u64,
    },
    /// A file was damaged after it had been synced.
    #[error(
        "the decision log's file {file} is damaged at byte {offset}: do not delete it, for transactions that it \
         decided would be aborted; restore the whole directory from a copy of its latest state, or resolve the \
         coordinator's prepared transactions by hand before you start with an empty directory"
    )]
    Corrupt {
        /// The damaged file.
        file: String,
        /// Where the damage begins.
        offset: u64,
    },
    /// A file does not hold a whole snapshot, and the file that it would have been made from
    /// is missing.
    #[error(
        "the decision log's file {file} is not complete, and no older one is there: files have been removed or cut; \
         restore the whole directory from a copy of its latest state, or resolve the coordinator's prepared \
         transactions by hand before you start with an empty directory"
    )]
    Incomplete {
        /// The newest file.
        file: String,
    },
    /// The log is another coordinator's.
    #[error(
        "the decision log is of coordinator {owner}, and {opener} tried to open it: give each coordinator a directory \
         of its own, and keep its id for ever"
    )]
    WrongCoordinator {
        /// Whose log it is.
        owner: CoordinatorId,
        /// Who tried to open it.
        opener: CoordinatorId,
    },
    /// Another version of this crate wrote the file.
    #[error(
        "the decision log's file {file} has format {version}, which this version cannot read: use the version that wrote \
         it; if that is an older one, let it finish everything, and begin with an empty directory"
    )]
    UnsupportedVersion {
        /// The file.
        file: String,
        /// Its format.
        version: u16,
    },
    /// The storage cannot keep what a decision log needs.
    #[error("the decision log cannot be kept here: {why}")]
    Unfit {
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// The storage failed. Opening again later may succeed.
    #[error(
        "cannot {action} of the decision log: {error}; nothing is lost by that: put it right and open the log again"
    )]
    Io {
        /// What was being done.
        action: String,
        /// What the storage said. The text has it already, so it is no source of this error.
        error: io::Error,
    },
}

impl<S: Storage> FileLog<S> {
    /// Opens the log of a coordinator, under a new epoch, and creates it in an empty directory.
    /// Each opening is remembered for ever, in 12 bytes of memory and of the file: a restart every
    /// minute adds 6 MB a year, which every later opening and compaction writes out.
    ///
    /// # Errors
    /// [`OpenError`], each telling what to do. A log that cannot be read is never empty.
    ///
    /// # Durability
    /// After `Ok`, the new epoch and all that the log knows survive any crash.
    ///
    /// # Cancel safety
    /// Dropping the future is like a crash: the log can be opened again.
    pub async fn open(
        storage: S,
        coordinator: CoordinatorId,
        options: Options,
    ) -> Result<Self, OpenError> {
        let lock = storage.lock().await.map_err(refused)?.ok_or(OpenError::AlreadyOpen)?;
        let opening = Opening { storage: &storage, coordinator: &coordinator, options: &options };
        let older = opening.existing_epochs().await?;
        let (epoch, file) = opening.take_epoch(&older).await?;
        let (ledger, journal) = opening.take_over(epoch, file).await?;
        let core = Core {
            storage,
            coordinator,
            epoch,
            lineages: ledger.lineages.clone(),
            options,
            fenced: AtomicBool::new(false),
            shared: Mutex::new(Shared {
                ledger,
                forces: VecDeque::new(),
                forgets: Vec::new(),
                state: WriterState::default(),
            }),
            journal: lock::Mutex::new(journal),
            _lock: lock,
        };
        Ok(Self { turns: Turns::default(), core: Arc::new(core) })
    }
}

struct Opening<'a, S> {
    storage: &'a S,
    coordinator: &'a CoordinatorId,
    options: &'a Options,
}

impl<S: Storage> Opening<'_, S> {
    /// The epochs that have files, in ascending order; only epoch 0, newly made, if there was
    /// no other. That one is made again even if it is there, for its name may be known and not
    /// durable, after an opening that could not sync the directory. It never holds a decision.
    async fn existing_epochs(&self) -> Result<Vec<u64>, OpenError> {
        let epochs = names::epochs(&self.list().await?);
        if epochs.last().is_some_and(|&last| last > 0) {
            return Ok(epochs.into_iter().collect());
        }
        let name = names::decisions(0);
        let lineages = Lineages::new(self.draw().await?);
        let bytes = snapshot(0, &Ledger::new(self.coordinator.clone(), lineages, self.options));
        replace(self.storage, 0, bytes).await.map_err(failed("write", &name))?;
        Ok(vec![0])
    }

    /// Takes the next free epoch, by creating its file.
    async fn take_epoch(&self, older: &[u64]) -> Result<(u64, S::File), OpenError> {
        let mut epoch = older.last().map_or(1, |last| last + 1);
        loop {
            let name = names::decisions(epoch);
            match self.storage.create(&name).await {
                Ok(file) => return Ok((epoch, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => epoch += 1,
                Err(error) => return Err(failed("create", &name)(error)),
            }
        }
    }

    /// Fills the file of the taken epoch with what the older ones know, and removes those.
    async fn take_over(
        &self,
        epoch: u64,
        file: S::File,
    ) -> Result<(Ledger, Journal<S::File>), OpenError> {
        let name = names::decisions(epoch);
        // Read only after the epoch was taken: from then on no older force succeeds.
        let mut ledger = match self.latest_below(epoch).await {
            Ok(ledger) => ledger,
            Err(error) => {
                // Retries of an opening that is refused shall not fill the directory. Only as
                // long as the file is empty: one that may hold a whole snapshot could come back
                // after a crash, and hide what was decided in the older file in the meantime.
                let _ = self.storage.remove(&name).await;
                return Err(error);
            }
        };
        ledger.lineages.opened(epoch, self.draw().await?);
        let bytes = snapshot(epoch, &ledger);
        let length = bytes.len() as u64;
        self.storage.append(&file, bytes).await.map_err(failed("write", &name))?;
        self.storage.sync(&file).await.map_err(failed("sync", &name))?;
        self.storage.sync_dir().await.map_err(failed("sync", "the directory"))?;

        let names = self.list().await?;
        if names::epochs(&names).last() != Some(&epoch) {
            return Err(OpenError::Overtaken { epoch });
        }
        self.remove_older(epoch, &names).await?;
        Ok((ledger, Journal::new(epoch, file, length)))
    }

    /// What the newest complete file below an epoch knows.
    async fn latest_below(&self, epoch: u64) -> Result<Ledger, OpenError> {
        let epochs = names::epochs(&self.list().await?);
        if epochs.last() != Some(&epoch) {
            return Err(OpenError::Overtaken { epoch });
        }
        for &older in epochs.range(..epoch).rev() {
            let name = names::decisions(older);
            let bytes = match self.storage.read(&name).await {
                Ok(bytes) => bytes,
                // Only another opening removes files.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(OpenError::Overtaken { epoch });
                }
                Err(error) => return Err(failed("read", &name)(error)),
            };
            if let Some(ledger) = self.replay(older, &name, &bytes)? {
                return Ok(ledger);
            }
        }
        let newest = epochs.range(..epoch).next_back().copied().unwrap_or_default();
        Err(OpenError::Incomplete { file: names::decisions(newest) })
    }

    /// What a file knows, or `None` if its snapshot is not complete.
    fn replay(&self, epoch: u64, name: &str, bytes: &[u8]) -> Result<Option<Ledger>, OpenError> {
        let contents = frame::read(epoch, bytes);
        match contents.end {
            End::Corrupt { offset } => {
                return Err(OpenError::Corrupt { file: name.to_owned(), offset });
            }
            End::Torn { offset } if offset > 0 => {
                tracing::warn!(
                    file = name,
                    offset,
                    "dropped a batch of the decision log that a crash cut short"
                );
            }
            End::Torn { .. } | End::Clean => {}
        }
        if contents.payloads.is_empty() {
            return Ok(None);
        }
        let ledger =
            Ledger::replay(&contents.payloads, self.options).map_err(|(offset, why)| {
                let file = name.to_owned();
                match why {
                    Malformed::Version(version) => OpenError::UnsupportedVersion { file, version },
                    Malformed::Content => OpenError::Corrupt { file, offset },
                }
            })?;
        if ledger.coordinator() != self.coordinator {
            let (owner, opener) = (ledger.coordinator().clone(), self.coordinator.clone());
            return Err(OpenError::WrongCoordinator { owner, opener });
        }
        Ok(Some(ledger))
    }

    /// Oldest first, so that a rival never finds an older file and not a newer one. Synced, so
    /// that no older file comes back beside one that has acknowledged decisions since.
    async fn remove_older(&self, epoch: u64, names: &[String]) -> Result<(), OpenError> {
        let older = names::epochs(names)
            .range(..epoch)
            .map(|&older| names::decisions(older))
            .collect::<Vec<_>>();
        for name in older.iter().chain(names.iter().filter(|name| names::is_temporary(name))) {
            match self.storage.remove(name).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed("remove", name)(error));
                }
                _ => {}
            }
        }
        self.storage.sync_dir().await.map_err(failed("sync", "the directory"))
    }

    async fn draw(&self) -> Result<u32, OpenError> {
        self.storage.draw().await.map_err(failed("draw a number for", "the identity"))
    }

    async fn list(&self) -> Result<Vec<String>, OpenError> {
        self.storage.list().await.map_err(failed("list", "the files"))
    }
}

/// The bytes of a file that holds no more than a snapshot.
fn snapshot(epoch: u64, ledger: &Ledger) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::push(&mut bytes, epoch, 0, &record::snapshot(&ledger.snapshot()));
    bytes
}

fn failed(action: &str, what: &str) -> impl Fn(io::Error) -> OpenError {
    move |error| OpenError::Io { action: format!("{action} {what}"), error }
}

/// Why the lock was not to be had.
fn refused(error: io::Error) -> OpenError {
    if error.kind() == io::ErrorKind::Unsupported {
        OpenError::Unfit { why: error.to_string() }
    } else {
        failed("lock", "the directory")(error)
    }
}
