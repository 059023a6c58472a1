//! The edge between the decision log and a disk: one flat directory of append-only files.
//!
//! It exists so that the shipped log runs unchanged on a simulated disk that loses, tears and
//! refuses writes. Overwriting in place, seeking and truncating are absent on purpose: the
//! log only appends, and replaces a file as a whole by renaming another over it.

use std::future::Future;
use std::io;

/// One directory that belongs to one decision log.
///
/// Names are plain file names. Calls of one caller take effect in the order in which they are
/// made, also those whose future is dropped before it ends: such a call has happened, has not,
/// or has in part.
pub trait Storage: Send + Sync + 'static {
    /// A file that is open for appending, whatever its name becomes.
    type File: Send + Sync + 'static;

    /// The directory's lock; dropping it releases the lock.
    type Lock: Send + Sync + 'static;

    /// Takes the exclusive lock, or answers `None` if another opening holds it. The death of
    /// the holder's process releases it.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] if this place is known not to keep what is promised here.
    fn lock(&self) -> impl Future<Output = io::Result<Option<Self::Lock>>> + Send;

    /// A random number: what tells one log, or one opening, from any other.
    fn draw(&self) -> impl Future<Output = io::Result<u32>> + Send;

    /// The names of all files. It needs nothing that the process may have run out of.
    ///
    /// A file that is there during the whole call is in the answer: the log's fence rests on it.
    fn list(&self) -> impl Future<Output = io::Result<Vec<String>>> + Send;

    /// A file's whole content, with what others have appended and not yet synced.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is no such file.
    fn read(&self, name: &str) -> impl Future<Output = io::Result<Vec<u8>>> + Send;

    /// Makes a new, empty file.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if the name is taken, atomically: of two callers one
    /// succeeds.
    ///
    /// # Durability
    /// The name survives a crash only after [`sync_dir`](Self::sync_dir), as with
    /// [`rename`](Self::rename) and [`remove`](Self::remove).
    fn create(&self, name: &str) -> impl Future<Output = io::Result<Self::File>> + Send;

    /// Appends to a file.
    ///
    /// # Errors
    /// After an error any part of the bytes may have been appended.
    ///
    /// # Durability
    /// None before [`sync`](Self::sync).
    fn append(
        &self,
        file: &Self::File,
        bytes: Vec<u8>,
    ) -> impl Future<Output = io::Result<()>> + Send;

    /// Forces what was appended to stable storage.
    ///
    /// # Errors
    /// After an error any part of what was unsynced may be durable, and a later success says
    /// nothing of it: kernels drop the dirty pages of a failed sync.
    fn sync(&self, file: &Self::File) -> impl Future<Output = io::Result<()>> + Send;

    /// Gives a file another name, atomically, in place of any file that had it.
    fn rename(&self, from: &str, to: &str) -> impl Future<Output = io::Result<()>> + Send;

    /// Removes a file's name.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is no such file.
    fn remove(&self, name: &str) -> impl Future<Output = io::Result<()>> + Send;

    /// Forces the directory's names to stable storage.
    ///
    /// # Errors
    /// As for [`sync`](Self::sync). A failure is reported to each who had taken the lock
    /// before it, whoever asked for the sync: what it dropped may be anyone's.
    fn sync_dir(&self) -> impl Future<Output = io::Result<()>> + Send;
}
